import { dispositionOf, fileNameIn } from './file-name.js';

describe('The name of a file in Content-Disposition', () => {
  it.each([
    ['attachment; filename="order.pdf"', 'order.pdf'],
    ['Attachment ; FileName = order.pdf', 'order.pdf'],
    ['attachment; filename="a \\"b\\".pdf"', 'a "b".pdf'],
    ['attachment; filename="euro.pdf"; filename*=UTF-8\'\'%E2%82%AC.pdf', '€.pdf'],
    ["attachment; filename*=utf-8'en'a%20b.pdf", 'a b.pdf'],
  ])('is read from %s', (header, name) => expect(fileNameIn(header)).toBe(name));

  it.each([
    undefined,
    '',
    'inline; filename="a.pdf"',
    'attachment',
    'attachment; filename=',
    'attachment; filename=""',
    'attachment; filename="a.pdf',
    'attachment; filename="a.pdf"; size=3',
    'attachment; filename=a.pdf; filename=b.pdf',
    'attachment; filename="é.pdf"',
    'attachment; filename="../a.pdf"',
    'attachment; filename="a\\\\b.pdf"',
    "attachment; filename*=UTF-8''%2e%2e%2fa.pdf",
    "attachment; filename*=UTF-8''a%00.pdf",
    "attachment; filename*=UTF-8''fdp%E2%80%AE.exe.pdf",
    "attachment; filename*=UTF-8''%ff.pdf",
    "attachment; filename*=UTF-8''%E2%82.pdf",
    "attachment; filename*=iso-8859-1''a.pdf",
  ])('is refused, and not repeated, in %s', (header) => {
    const refused = expect.objectContaining({
      code: 'http.bad_header',
      extra: { header: 'Content-Disposition', rule: 'fileName' },
    }) as Error;
    expect(() => fileNameIn(header)).toThrow(refused);
  });

  it('is read in a time that grows with its length alone', () => {
    const begun = performance.now();
    expect(() => fileNameIn(`attachment; filename="${'\\\\'.repeat(20_000)}`)).toThrow();
    expect(() => fileNameIn(`attachment${' '.repeat(20_000)}`)).toThrow();
    expect(performance.now() - begun).toBeLessThan(1_000);
  });
});

it.each(['order.pdf', '€ ü.pdf', 'a "b"; c.pdf', "it's (a) *.pdf", '100%.pdf', '日本語.png', ' a '])(
  'names a file %j as it will be read',
  (name) => {
    const header = dispositionOf(name);
    expect(header).toMatch(/^[ -~]+$/);
    expect(fileNameIn(header)).toBe(name);
  },
);
