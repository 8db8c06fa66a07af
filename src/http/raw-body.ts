type Request = { readonly headers: Readonly<Record<string, unknown>> };

const bodies = new WeakMap<Request, Buffer>();

/** Keeps the bytes of a signed request's body: what was signed is what was sent, not what was understood. */
export function keepRawBody(request: Request, body: Buffer): void {
  if (request.headers['webhook-signature'] !== undefined) bodies.set(request, body);
}

/** Empty for a request without a signature, or without a body. */
export const rawBodyOf = (request: Request): Buffer => bodies.get(request) ?? Buffer.alloc(0);
