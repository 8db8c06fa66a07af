/** The one organisation, OAuth client and deployment the sandbox knows. They are the same on every start, and secret to nobody. */
export const account = {
  organizationId: '5a4d0b0c-0000-4000-8000-00000000a001',
  organizationName: 'Sandbox',
  divisionId: '5a4d0b0c-0000-4000-8000-00000000a002',
  clientId: '5a4d0b0c-0000-4000-8000-00000000c001',
  clientSecret: 'sandbox-client-secret-for-local-use-only',
  deploymentId: '5a4d0b0c-0000-4000-8000-00000000d001',
  configurationId: '5a4d0b0c-0000-4000-8000-00000000d002',
  flowId: '5a4d0b0c-0000-4000-8000-00000000d003',
  queueId: '5a4d0b0c-0000-4000-8000-00000000e001',
  origin: 'http://localhost:3000',
} as const;

/** The hosts the deployment's pages may live on. Ports do not matter for the local ones. */
export const allowedDomains = ['localhost', '127.0.0.1', 'example.com'] as const;

/** Whether a page of this origin may open a guest socket. */
export function isAllowedOrigin(origin: string | undefined): boolean {
  if (origin === undefined) return false;
  return (
    /^https?:\/\/(localhost|127\.0\.0\.1)(:\d{1,5})?$/i.test(origin) || origin.toLowerCase() === 'https://example.com'
  );
}
