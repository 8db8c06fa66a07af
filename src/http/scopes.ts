/** What a caller may be allowed to do. A route names one; an API key carries some, or `*` for all. */
export const SCOPES = [
  'guest:write',
  'guest:read',
  'guest:erase',
  'guest:message',
  'metrics:read',
  'metrics:scrape',
  'identity:resolve',
  'crm:operate',
  'audit:read',
  'admin',
] as const;

export type ScopeName = (typeof SCOPES)[number];
