/** Regions whose domain does not show their name. All others are `<name>.pure.cloud`. */
const NAMED: Readonly<Record<string, string>> = {
  'mypurecloud.com': 'prod',
  'use1.pure.cloud': 'prod',
  'mypurecloud.ie': 'prod-euw1',
  'mypurecloud.de': 'prod-euc1',
  'mypurecloud.jp': 'prod-apne1',
  'mypurecloud.com.au': 'prod-apse2',
  'use2.us-gov-pure.cloud': 'fedramp-use2-core',
};

/**
 * What the Messenger's script calls the region of a domain (its `environment` setting; the table is that of the official mobile SDK,
 * MyPureCloud/genesys-messenger-transport-mobile-sdk). Null for a region that is not in it.
 */
export function messengerEnvironment(domain: string): string | null {
  const name = /^([a-z]{2,4}\d)\.pure\.cloud$/.exec(domain)?.[1];
  return NAMED[domain] ?? (name === undefined ? null : `prod-${name}`);
}
