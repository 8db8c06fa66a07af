import { BlockList, isIP, isIPv6 } from 'node:net';

/** Where webhooks may go besides public addresses. */
export type Reach = {
  /** This machine too, and without encryption: for a sandbox. */
  readonly loopback: boolean;
};

const listOf = (type: 'ipv4' | 'ipv6', ...subnets: readonly string[]): BlockList => {
  const list = new BlockList();
  for (const subnet of subnets) {
    const [net, prefix] = subnet.split('/');
    list.addSubnet(net!, Number(prefix), type);
  }
  return list;
};

const LOOPBACK_4 = listOf('ipv4', '127.0.0.0/8');
const LOOPBACK_6 = listOf('ipv6', '::1/128');

/** What is not globally reachable in the IANA special-purpose registry (RFC 6890), multicast, and a public address that is none. */
const CLOSED_4 = listOf(
  'ipv4',
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/4',
  '240.0.0.0/4',
  // Where Azure answers the machines it runs.
  '168.63.129.16/32',
);

/** Global unicast is all that is public; what lies outside (loopback, ULA, link-local, multicast, IPv4-mapped, NAT64) is closed. */
const GLOBAL_6 = listOf('ipv6', '2000::/3');
/** Protocol assignments with Teredo, documentation, and 6to4, which carries an IPv4 address of anybody's choice. */
const CLOSED_6 = listOf('ipv6', '2001::/23', '2001:db8::/32', '2002::/16', '3fff::/20');

const isLoopback = (address: string): boolean =>
  isIPv6(address) ? LOOPBACK_6.check(address, 'ipv6') : LOOPBACK_4.check(address, 'ipv4');

/** Whether a connection may be made to this IP address. False for what is no IP address. */
export function isReachable(address: string, { loopback }: Reach): boolean {
  // A scoped address (`fe80::1%eth0`) belongs to a link of ours.
  if (isIP(address) === 0 || address.includes('%')) return false;
  if (isLoopback(address)) return loopback;
  return isIPv6(address)
    ? GLOBAL_6.check(address, 'ipv6') && !CLOSED_6.check(address, 'ipv6')
    : !CLOSED_4.check(address, 'ipv4');
}

/** Names that are only ever answered inside a network (RFC 6761, RFC 6762, RFC 8375, and ICANN's `internal`). */
const INSIDE = /(^|\.)(local|internal|home\.arpa|lan|intranet|corp|home|test|invalid|onion)$/;

/** The host as an address or a name, without brackets and final dot. */
export const hostOf = ({ hostname }: URL): string => hostname.replace(/^\[(.*)\]$/, '$1').replace(/\.$/, '');

/**
 * What is wrong with an endpoint's URL, as the rest of a sentence, or null. Names are not looked up here: what they stand for can change, and
 * is checked when something is sent.
 */
export function urlFault(text: string, reach: Reach): string | null {
  // A parser would drop blanks and line breaks, and read another URL than whoever sees this one.
  const url = !/\s/.test(text) && URL.canParse(text) ? new URL(text) : null;
  if (url === null || !/^https?:$/.test(url.protocol)) return 'must be an absolute https URL';
  const host = hostOf(url);
  const isHere = /(^|\.)localhost$/.test(host) || (isIP(host) !== 0 && isLoopback(host));
  if (url.protocol === 'http:' && !(isHere && reach.loopback)) return 'must begin with https://';
  if (url.username !== '' || url.password !== '')
    return 'must hold no user name or password: the signature shows who is calling';
  if (text.includes('#')) return 'must have no fragment: it would not be sent';
  if (isHere) return reach.loopback ? null : 'must be reachable from the internet: this is the machine itself';
  if (isIP(host) !== 0)
    return isReachable(host, reach) ? null : 'must be reachable from the internet: this address is not public';
  if (!host.includes('.') || INSIDE.test(host))
    return 'must be reachable from the internet: this name is known inside a network only';
  return null;
}
