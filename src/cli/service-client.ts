/** A running service, as a command sees it. */
export type ServiceClient = {
  get<T>(path: string): Promise<T>;
  post<T>(path: string, body?: unknown): Promise<T>;
};

/** What was asked cannot be had of the service. The message is for the person at the terminal. */
export class ServiceError extends Error {
  override readonly name = 'ServiceError';
}

const TIMEOUT_MS = 30_000;

/** @throws ServiceError when the environment does not say who is calling */
export function serviceClient(env: NodeJS.ProcessEnv): ServiceClient {
  const url = (env['GUEST_MANAGER_URL'] ?? 'http://localhost:3000').replace(/\/+$/, '');
  const key = env['GUEST_MANAGER_API_KEY'];
  if (!key) throw new ServiceError('GUEST_MANAGER_API_KEY is required: an API key with the scope crm:operate.');
  return {
    get: (path) => call(url, key, 'GET', path),
    post: (path, body) => call(url, key, 'POST', path, body),
  };
}

async function call<T>(url: string, key: string, method: string, path: string, body?: unknown): Promise<T> {
  const response = await fetch(url + path, {
    method,
    headers: {
      authorization: `Bearer ${key}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(TIMEOUT_MS),
  }).catch(() => {
    throw new ServiceError(`No answer from ${url}: is GUEST_MANAGER_URL right, and the service running?`);
  });
  const answer = (await response.json().catch(() => null)) as T | { code?: string; detail?: string } | null;
  if (response.ok && answer !== null) return answer as T;
  const { code = 'no code', detail = 'The answer is none of the service’s.' } = (answer ?? {}) as Record<
    string,
    string
  >;
  throw new ServiceError(`${response.status} ${code}: ${detail}`);
}
