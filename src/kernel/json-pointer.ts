/** To a member of what `parent` points to (RFC 6901 §3); `''` points to all of it. */
export const pointerTo = (parent: string, name: string): string =>
  `${parent}/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`;

/** The names a pointer leads along, from the outside in. */
export const namesAlong = (pointer: string): string[] =>
  pointer
    .split('/')
    .slice(1)
    .map((name) => name.replaceAll('~1', '/').replaceAll('~0', '~'));
