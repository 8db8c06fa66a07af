import { RequestMethod, SetMetadata } from '@nestjs/common';
import type { INestApplicationContext, Type } from '@nestjs/common';
import { METHOD_METADATA, PATH_METADATA } from '@nestjs/common/internal';
import { DiscoveryService, MetadataScanner, Reflector } from '@nestjs/core';
import { IDEMPOTENT_METADATA } from './idempotent.js';
import type { ScopeName } from './scopes.js';

export const SCOPE_METADATA = 'http:scope';
export const OPEN_METADATA = 'http:open';
export const SIGNED_METADATA = 'http:signed';
export const WIDGET_METADATA = 'http:for-widgets';

/** The route may be called by whoever carries this scope. On a class: all its routes; on a method: that one instead. */
export const Scope = (scope: ScopeName) => SetMetadata(SCOPE_METADATA, scope);

/** The route may be called by anybody, and needs no token. */
export const Open = () => SetMetadata(OPEN_METADATA, true);

/** The route may be called by whoever signs the request with a secret we know, and needs no token. */
export const Signed = () => SetMetadata(SIGNED_METADATA, true);

/**
 * A page with a widget token of the guest that the path's `{id}` names may call the route too. To be said of a route that shows and changes
 * that one guest alone.
 */
export const ForWidgets = () => SetMetadata(WIDGET_METADATA, true);

/** What a route asks of its caller. `undeclared` is refused to everybody. */
export type Access =
  | { readonly kind: 'open' }
  | { readonly kind: 'signed' }
  | { readonly kind: 'scope'; readonly scope: ScopeName; readonly forWidgets?: true }
  | { readonly kind: 'undeclared' };

export function accessOf(reflector: Reflector, handler: Handler, controller: Type): Access {
  // The method's own word goes before its class's: `@Open()` beside a class's `@Scope()`, and the other way round.
  const isForWidgets = reflector.get<boolean | undefined>(WIDGET_METADATA, handler) === true;
  for (const target of [handler, controller]) {
    const scope = reflector.get<ScopeName | undefined>(SCOPE_METADATA, target);
    if (scope !== undefined) return { kind: 'scope', scope, ...(isForWidgets ? { forWidgets: true } : {}) };
    if (reflector.get<boolean | undefined>(SIGNED_METADATA, target)) return { kind: 'signed' };
    if (reflector.get<boolean | undefined>(OPEN_METADATA, target)) return { kind: 'open' };
  }
  return { kind: 'undeclared' };
}

export type DeclaredRoute = {
  readonly method: string;
  readonly path: string;
  readonly access: Access;
  /** Run once under an `Idempotency-Key`. */
  readonly isIdempotent: boolean;
  readonly handler: string;
};

/** Every route of every controller and what it asks, for a test that none was forgotten. Needs Nest's `DiscoveryModule`. */
export function declaredRoutes(app: INestApplicationContext): DeclaredRoute[] {
  const reflector = app.get(Reflector);
  const scanner = new MetadataScanner();
  return app
    .get(DiscoveryService, { strict: false })
    .getControllers()
    .flatMap(({ metatype }) => {
      const controller = metatype as Type;
      const prototype = controller.prototype as Record<string, Handler>;
      return scanner.getAllMethodNames(prototype).flatMap((name) => {
        const handler = prototype[name]!;
        const path = Reflect.getMetadata(PATH_METADATA, handler) as string | string[] | undefined;
        if (path === undefined) return [];
        const method = RequestMethod[Reflect.getMetadata(METHOD_METADATA, handler) as number] ?? 'GET';
        const prefixes = [Reflect.getMetadata(PATH_METADATA, controller) as string | string[]].flat();
        return prefixes.flatMap((prefix) =>
          [path].flat().map((tail) => ({
            method,
            path: joined(prefix, tail),
            access: accessOf(reflector, handler, controller),
            isIdempotent: reflector.get<boolean | undefined>(IDEMPOTENT_METADATA, handler) === true,
            handler: `${controller.name}.${name}`,
          })),
        );
      });
    });
}

type Handler = (...args: unknown[]) => unknown;

const joined = (...parts: string[]): string =>
  `/${parts
    .flatMap((part) => part.split('/'))
    .filter((part) => part !== '')
    .join('/')}`;
