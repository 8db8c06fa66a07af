import { createPublicKey, verify } from 'node:crypto';
import { publicKeys, receiptOf, signedReceipt } from './consent.receipt.js';
import type { PublicKey, ReceiptKey } from './consent.receipt.js';
import type { ConsentRecord } from './consent.js';

/** The key of RFC 8037, appendix A. */
const known: ReceiptKey = {
  id: 'k1',
  seed: Buffer.from('nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A', 'base64url'),
};
const newer: ReceiptKey = { id: 'k2', seed: Buffer.alloc(32, 7) };

const record: ConsentRecord = {
  id: '01890a5d-ac96-774b-bcce-b302099a8057',
  guestId: '01890a5d-ac96-774b-bcce-b302099a8058',
  purpose: 'marketing',
  decision: 'granted',
  noticeVersion: 'privacy-2026-03',
  method: 'form',
  at: new Date('2026-03-01T09:00:00.123Z'),
  recordedAt: new Date('2026-03-01T09:00:01.000Z'),
  actor: 'api-key:back-office',
  keyId: 'k1',
};

/** As somebody who knows nothing but the RFCs checks it. */
function checked(jws: string, keys: readonly PublicKey[]): unknown {
  const [header, payload, signature] = jws.split('.') as [string, string, string];
  const { alg, kid } = JSON.parse(String(Buffer.from(header, 'base64url'))) as { alg: string; kid: string };
  const jwk = keys.find((key) => key.kid === kid);
  if (alg !== 'EdDSA' || jwk === undefined) return null;
  const key = createPublicKey({ key: { ...jwk }, format: 'jwk' });
  const isTrue = verify(null, Buffer.from(`${header}.${payload}`), key, Buffer.from(signature, 'base64url'));
  return isTrue ? JSON.parse(String(Buffer.from(payload, 'base64url'))) : null;
}

describe('a consent receipt', () => {
  it('is published with the key RFC 8037 gives for its seed', () => {
    expect(publicKeys([known])).toEqual([
      {
        kty: 'OKP',
        crv: 'Ed25519',
        x: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo',
        kid: 'k1',
        alg: 'EdDSA',
        use: 'sig',
      },
    ]);
    expect(JSON.stringify(publicKeys([known, newer]))).not.toContain('"d"');
  });

  it('can be checked by anybody, and says what was decided and nothing of who recorded it', () => {
    const { receipt, jws } = signedReceipt(record, [known]);
    expect(checked(jws, publicKeys([known]))).toEqual(receipt);
    expect(receipt).toEqual({
      version: 'guest-manager/consent-receipt/v1',
      receiptId: record.id,
      timestamp: '2026-03-01T09:00:00.123Z',
      recordedAt: '2026-03-01T09:00:01.000Z',
      subject: record.guestId,
      purpose: 'marketing',
      decision: 'granted',
      noticeVersion: 'privacy-2026-03',
      method: 'form',
    });
  });

  it('is the same to the byte, before and after the keys were rotated', () => {
    const before = signedReceipt(record, [known]);
    expect(signedReceipt({ ...record }, [known])).toEqual(before);
    expect(signedReceipt(record, [newer, known])).toEqual(before);
    expect(checked(before.jws, publicKeys([newer, known]))).toEqual(before.receipt);
  });

  it('is signed with the newest key when its own is gone', () => {
    const { jws, receipt } = signedReceipt(record, [newer]);
    expect(checked(jws, publicKeys([newer]))).toEqual(receipt);
  });

  it('is worth nothing when a letter of it was changed', () => {
    const [header, , signature] = signedReceipt(record, [known]).jws.split('.') as [string, string, string];
    const forged = Buffer.from(JSON.stringify(receiptOf({ ...record, decision: 'withdrawn' }))).toString('base64url');
    expect(checked(`${header}.${forged}.${signature}`, publicKeys([known]))).toBeNull();
    const other = { ...newer, id: 'k1' };
    expect(checked(signedReceipt(record, [other]).jws, publicKeys([known]))).toBeNull();
  });
});
