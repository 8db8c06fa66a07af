import { channel } from 'node:diagnostics_channel';

/** Where every call to Genesys Cloud is told as it leaves, for a tracer or a test to listen to. */
const calls = channel('guest-manager.genesys-call');

/** What a listener hears: nothing of what a call carries, no query and no body. */
export type GenesysCall = {
  /** The HTTP verb, or `WS` for what goes over the guest socket. */
  readonly verb: string;
  /** The path, or the request's action with the kind of its message. */
  readonly what: string;
};

/** Tells of an HTTP request. Costs nothing while nobody listens. */
export function tellRequest(verb: string, url: string): void {
  if (calls.hasSubscribers) calls.publish({ verb, what: new URL(url).pathname } satisfies GenesysCall);
}

/** Tells of a file on its way there (`PUT`) or here (`GET`); its address belongs to that file alone. */
export function tellFileRequest(verb: 'PUT' | 'GET'): void {
  if (calls.hasSubscribers) calls.publish({ verb, what: 'presigned' } satisfies GenesysCall);
}

/** Tells of something said on the guest socket. */
export function tellSocket(request: { readonly action: string; readonly message?: unknown }): void {
  if (calls.hasSubscribers) calls.publish({ verb: 'WS', what: nameOf(request) } satisfies GenesysCall);
}

type Event = { eventType?: string; presence?: { type?: string }; typing?: { type?: string } };

function nameOf({ action, message }: { readonly action: string; readonly message?: unknown }): string {
  if (action !== 'onMessage') return action;
  const { type = 'Attachment', events = [] } = message as { type?: string; events?: Event[] };
  const [event] = events;
  const kind = event === undefined ? type : `${event.eventType}/${(event.presence ?? event.typing)?.type}`;
  return `onMessage ${kind}`;
}
