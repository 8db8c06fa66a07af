import { aboutHeard, FILE_MAX_BYTES, faultOf } from './attachment.js';
import type { FileRules } from './attachment.js';

const file = { fileName: 'order.pdf', mediaType: 'application/pdf', size: 2_000 };
const rules = (parts: Partial<FileRules> = {}): FileRules => ({
  isEnabled: true,
  modes: [
    { types: ['image/*'], maxBytes: 5_000 },
    { types: ['application/pdf'], maxBytes: 2_000 },
  ],
  ...parts,
});
const code = (parts: Partial<typeof file>, known: FileRules | null = rules()) =>
  faultOf({ ...file, ...parts }, known)?.code ?? null;

describe('Whether a file can be sent', () => {
  it.each([
    ['as the deployment allows', {}, null],
    ['of a type in an allowed range', { mediaType: 'Image/PNG', size: 5_000 }, null],
    ['of another type', { mediaType: 'text/plain' }, 'attachment.type_refused'],
    ['larger than its type may be', { size: 2_001 }, 'attachment.too_large'],
    ['empty', { size: 0 }, 'attachment.empty'],
    ['without an extension', { fileName: 'order' }, 'attachment.name_refused'],
    ['with the longest name', { fileName: `${'a'.repeat(1_019)}.pdf` }, null],
    ['with a longer name', { fileName: `${'a'.repeat(1_020)}.pdf` }, 'attachment.name_refused'],
  ])('%s', (_what, parts, fault) => expect(code(parts)).toBe(fault));

  it('is up to Genesys while the settings of the deployment are not known, within our own limit', () => {
    expect(code({ mediaType: 'text/plain', size: FILE_MAX_BYTES }, null)).toBeNull();
    expect(code({ size: FILE_MAX_BYTES + 1 }, null)).toBe('attachment.too_large');
  });

  it('is never where guests may send none, and of any type where they may send all', () => {
    expect(code({}, rules({ isEnabled: false }))).toBe('attachment.not_enabled');
    expect(code({ mediaType: 'text/x-odd' }, rules({ modes: [{ types: ['*/*'], maxBytes: 9_000 }] }))).toBeNull();
  });
});

describe('What is kept of a file that others have named', () => {
  it.each([
    ['order.pdf', 'order.pdf'],
    ['€ ü.pdf', '€ ü.pdf'],
    ['../../etc/passwd', 'passwd'],
    ['C:\\Users\\lena\\a.pdf', 'a.pdf'],
    ['fdp\u202e.exe\r\n', 'fdp.exe'],
    ['a/', 'file'],
    [' ', 'file'],
    [null, 'file'],
    [`${'a'.repeat(2_000)}.pdf`, `${'a'.repeat(1_019)}.pdf`],
    ['\ud800.pdf', '\ufffd.pdf'],
  ])('is of %j the name %j', (fileName, shown) =>
    expect(aboutHeard({ fileName, mediaType: null }).fileName).toBe(shown),
  );

  it.each([
    ['Image/PNG', 'image/png'],
    ['text/plain; charset=utf-8', 'text/plain'],
    ['Image', 'application/octet-stream'],
    ['text/html\r\nx: y', 'application/octet-stream'],
    [null, 'application/octet-stream'],
  ])('is of %j the media type %s', (mediaType, kept) =>
    expect(aboutHeard({ fileName: 'a', mediaType }).mediaType).toBe(kept),
  );
});
