import type { FastifyInstance, FastifyRequest } from 'fastify';

/** Remembers every route from now on, and says which methods a path takes: none when there is nothing there. */
export function rememberRoutes(fastify: FastifyInstance): (path: string) => readonly string[] {
  const routes: { readonly segments: readonly string[]; readonly methods: readonly string[] }[] = [];
  fastify.addHook('onRoute', ({ url, method }) => {
    // A catch-all takes whatever it is given; it says nothing about a path.
    if (!url.includes('*')) routes.push({ segments: url.split('/'), methods: [method].flat() });
  });
  return (path) => {
    const sent = path.split('/');
    const methods = routes.filter(({ segments }) => fits(segments, sent)).flatMap((route) => route.methods);
    return [...new Set(methods)].sort();
  };
}

/** The template of the route that answers; null when there is none. The path as sent may hold anything. */
export const routeOf = (request: FastifyRequest): string | null =>
  request.is404 ? null : (request.routeOptions.url ?? null);

const fits = (template: readonly string[], sent: readonly string[]): boolean =>
  template.length === sent.length &&
  template.every((segment, at) => (segment.startsWith(':') ? sent[at] !== '' : segment === sent[at]));
