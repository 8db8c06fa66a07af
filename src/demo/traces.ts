import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Who the guest of the demo really is. Once the guest is made, nobody is to know this any more. */
export const person = { email: 'user@example.com', phone: '+1 (202) 555-0147' };

const PHONES = ['+1 (202) 555-0147', '+12025550147', '2025550147', '(202) 555-0147', '202-555-0147', '202 555 0147'];

/** E-mail and phone as they may be written, encoded, or hashed without a key, which anybody could try out. All in lower case. */
const spellings: readonly string[] = [person.email, ...PHONES].flatMap((text) => {
  const bytes = Buffer.from(text);
  const hashes = ['md5', 'sha1', 'sha256'].map((name) => createHash(name).update(bytes).digest());
  const encodings = [...hashes, bytes].flatMap((each) => [
    each.toString('hex'),
    each.toString('base64').replace(/=+$/, ''),
  ]);
  return [text, encodeURIComponent(text), ...encodings].map((each) => each.toLowerCase());
});

/** Which spellings of the e-mail or the phone a text holds. */
export function tracesIn(text: string): string[] {
  const lower = text.toLowerCase();
  return spellings.filter((spelling) => lower.includes(spelling));
}

/** All that a directory holds, by path, as text in which every byte is one character. */
export async function contentsOf(directory: string): Promise<Map<string, string>> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return new Map(await Promise.all(paths.map(async (path) => [path, await readFile(path, 'latin1')] as const)));
}
