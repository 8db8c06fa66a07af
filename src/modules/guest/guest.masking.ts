import { pointerTo } from '../../kernel/json-pointer.js';
import { maskPersonalData } from '../identity/index.js';

type Given = {
  readonly attributes?: Readonly<Record<string, unknown>> | null;
  readonly channelContext?: { readonly originPage?: string | null } | null;
};
/** `pointers`: JSON pointers (RFC 6901) of what was masked. */
type Masked<T> = { readonly given: T; readonly pointers: readonly string[] };

/**
 * What was given, with words such as `[email]` in place of the personal data in attributes and in the path of the page. Campaigns, fingerprints,
 * schemes and notice versions are names, not text: all masked ones would be the same, so personal data in them is refused.
 */
export function masked<T extends Given>(given: T): Masked<T> {
  const pointers: string[] = [];
  const mask = <V>(pointer: string, value: V, masking: (text: string) => string): V | string => {
    if (typeof value !== 'string') return value;
    const text = masking(value);
    if (text !== value) pointers.push(pointer);
    return text;
  };
  const attributes =
    given.attributes &&
    Object.fromEntries(
      Object.entries(given.attributes).map(([name, value]) => [
        name,
        mask(pointerTo('/attributes', name), value, maskPersonalData),
      ]),
    );
  const originPage = mask('/channelContext/originPage', given.channelContext?.originPage, maskedPage);
  if (pointers.length === 0) return { given, pointers };
  return {
    given: {
      ...given,
      ...(attributes && { attributes }),
      ...(originPage != null && { channelContext: { ...given.channelContext, originPage } }),
    },
    pointers,
  };
}

/** Only its path: what is no http URL, or holds credentials, is refused for that. */
function maskedPage(text: string): string {
  const [, origin, path] = /^(https?:\/\/[^/?#]*)(\/[^?#]*)/is.exec(text) ?? [];
  if (origin === undefined || path === undefined) return text;
  const clean = path.split('/').map((part) => {
    const mask = maskPersonalData(part);
    return mask === part ? part : encodeURIComponent(mask);
  });
  return origin + clean.join('/') + text.slice(origin.length + path.length);
}
