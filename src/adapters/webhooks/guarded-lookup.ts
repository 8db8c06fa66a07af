import { lookup as systemLookup } from 'node:dns';
import type { LookupAddress } from 'node:dns';
import type { LookupFunction } from 'node:net';
import { AppError } from '../../kernel/app-error.js';
import { isReachable } from '../../modules/webhooks/index.js';
import type { Reach } from '../../modules/webhooks/index.js';

/** All addresses of a name, as `dns.lookup` with `all: true` gives them. */
export type Resolver = (
  hostname: string,
  done: (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void,
) => void;

export const systemResolver: Resolver = (hostname, done) => systemLookup(hostname, { all: true }, done);

export const addressRefused = (): AppError =>
  new AppError('refused', 'webhook.address_refused', 'The endpoint is at an address nothing may be sent to.');

/**
 * A `lookup` for sockets that answers only with addresses it has checked. The socket connects to what it is given here and asks nobody
 * again, so a name that stands for something else a moment later gains nothing. One closed address among them refuses them all: nobody
 * who is public has one.
 */
export function guardedLookup(reach: Reach, resolve: Resolver = systemResolver): LookupFunction {
  return (hostname, options, done) =>
    resolve(hostname, (error, addresses) => {
      if (error !== null) return done(error, '', 0);
      const wanted =
        options.family === 4 || options.family === 'IPv4'
          ? 4
          : options.family === 6 || options.family === 'IPv6'
            ? 6
            : 0;
      const usable = addresses.filter(({ family }) => wanted === 0 || family === wanted);
      if (usable.length === 0 || !addresses.every(({ address }) => isReachable(address, reach)))
        return done(addressRefused(), '', 0);
      if (options.all === true) return done(null, usable);
      return done(null, usable[0]!.address, usable[0]!.family);
    });
}
