import type { Abstract, DynamicModule, InjectionToken, Provider, Type } from '@nestjs/common';

/** Who answers a port, in the form Nest takes it. `portProvider` makes one whose types fit together. */
export type PortProvider<Port = unknown> = { readonly provide: Abstract<Port> } & Answering<Port>;

/** What is injected comes from the guest manager: its `Clock`, its other ports. What is your own is at hand where you write this. */
type Answering<Port> =
  | { readonly useClass: Type<Port> }
  | { readonly useValue: Port }
  | { readonly useFactory: (...given: never[]) => Port | Promise<Port>; readonly inject?: InjectionToken[] };

/** Has a port answered by somebody else than our adapter: `portProvider(ConsentSource, { useClass: OurConsent })`. */
export const portProvider = <Port>(port: Abstract<Port>, by: Answering<Port>): PortProvider<Port> => ({
  provide: port,
  ...by,
});

/**
 * The modules of the driven edge, with those ports answered by others.
 * @throws Error when none of the modules answers that port: a replacement nobody asks would go unnoticed
 */
export function answeredBy(replacements: readonly PortProvider[], modules: readonly DynamicModule[]): DynamicModule[] {
  const left = new Map<InjectionToken, Provider>(replacements.map((one) => [one.provide, one as Provider]));
  const replaced = modules.map((module) => ({
    ...module,
    providers: (module.providers ?? []).map((provider) => {
      const port = typeof provider === 'function' ? provider : provider.provide;
      const replacement = module.exports?.includes(port as never) ? left.get(port) : undefined;
      left.delete(port);
      return replacement ?? provider;
    }),
  }));
  const [unknown] = left.keys();
  if (unknown !== undefined) throw new Error(`${nameOf(unknown)} is not a port that an adapter of ours answers.`);
  return replaced;
}

const nameOf = (token: InjectionToken): string => (typeof token === 'function' ? token.name : String(token));
