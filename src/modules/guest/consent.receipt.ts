import { createPrivateKey, createPublicKey, sign } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { canonicalJson } from '../../kernel/canonical-json.js';
import type { ConsentRecord, Decision, Method, Purpose } from './consent.js';

/** An Ed25519 key by its 32-byte seed (RFC 8032 §5.1.5). `id` is the `kid` others know it by. */
export type ReceiptKey = { readonly id: string; readonly seed: Buffer };

/**
 * What a guest can show of a decision: the fields of a consent receipt (Kantara CR v1.1, ISO/IEC TS 27560) that we know, in the words of this API.
 * The subject is named by the guest's id; nothing in it is personal beyond that. Times are ISO 8601 in UTC.
 */
export type ConsentReceipt = {
  readonly version: 'guest-manager/consent-receipt/v1';
  readonly receiptId: string;
  readonly timestamp: string;
  readonly recordedAt: string;
  readonly subject: string;
  readonly purpose: Purpose;
  readonly decision: Decision;
  readonly noticeVersion: string | null;
  readonly method: Method;
};

/** A receipt and the same as a compact JWS (RFC 7515): whoever has one of our public keys can check it, without asking us. */
export type SignedReceipt = { readonly receipt: ConsentReceipt; readonly jws: string };

/** A public key as RFC 8037 §2 writes it. */
export type PublicKey = {
  readonly kty: 'OKP';
  readonly crv: 'Ed25519';
  readonly x: string;
  readonly kid: string;
  readonly alg: 'EdDSA';
  readonly use: 'sig';
};

/** `typ` of the JWS, so that nothing else signed with the same key can pass for a receipt (RFC 8725 §3.11). */
const TYPE = 'consent-receipt+jws';

/** What stands before the seed in the PKCS #8 form of an Ed25519 key (RFC 8410 §7). */
const PKCS8 = Buffer.from('302e020100300506032b657004220420', 'hex');

const privateKey = ({ seed }: ReceiptKey): KeyObject =>
  createPrivateKey({ key: Buffer.concat([PKCS8, seed]), format: 'der', type: 'pkcs8' });

export const receiptOf = (record: ConsentRecord): ConsentReceipt => ({
  version: 'guest-manager/consent-receipt/v1',
  receiptId: record.id,
  timestamp: record.at.toISOString(),
  recordedAt: record.recordedAt.toISOString(),
  subject: record.guestId,
  purpose: record.purpose,
  decision: record.decision,
  noticeVersion: record.noticeVersion,
  method: record.method,
});

/**
 * The receipt of a record, to the byte the same each time: Ed25519 signatures are deterministic, the payload is canonical JSON (RFC 8785), and the
 * key is the one that was in use when the record was made. Should that key be gone from the ring, the newest signs.
 */
export function signedReceipt(record: ConsentRecord, keys: readonly ReceiptKey[]): SignedReceipt {
  const key = keys.find(({ id }) => id === record.keyId) ?? keys[0]!;
  const receipt = receiptOf(record);
  const signed = `${base64url({ alg: 'EdDSA', kid: key.id, typ: TYPE })}.${base64url(receipt)}`;
  return { receipt, jws: `${signed}.${sign(null, Buffer.from(signed), privateKey(key)).toString('base64url')}` };
}

/** Those that check receipts, newest first: old receipts are checked with old keys. */
export const publicKeys = (keys: readonly ReceiptKey[]): PublicKey[] =>
  keys.map((key) => {
    const { x } = createPublicKey(privateKey(key)).export({ format: 'jwk' });
    return { kty: 'OKP', crv: 'Ed25519', x: x!, kid: key.id, alg: 'EdDSA', use: 'sig' };
  });

const base64url = (value: unknown): string => Buffer.from(canonicalJson(value)).toString('base64url');
