'use strict';
/**
 * What is written first, and often stays: a request checks, hashes, calls Genesys, calls the CRM, waits for both, stores what it has in a
 * transaction of its own and answers. On the same engine, without a framework.
 */
const { createHash, randomUUID } = require('node:crypto');
const { URL } = require('node:url');
const fastify = require('fastify');
const { Client } = require('../http');
const { built, serve, setting } = require('../serving');

const SCHEMA = `
  create table guest (id uuid primary key, version integer not null, email_hash text, phone_hash text, document jsonb not null,
    created_at timestamptz not null);
  create index guest_email on guest (email_hash);
  create table audit (id bigint generated always as identity primary key, guest_id uuid not null, event text not null,
    changes jsonb not null, at timestamptz not null)`;
const INSERT_GUEST = {
  name: 'guest.insert',
  text: 'insert into guest (id, version, email_hash, phone_hash, document, created_at) values ($1, 1, $2, $3, $4, $5)',
};
const INSERT_AUDIT = {
  name: 'audit.insert',
  text: 'insert into audit (guest_id, event, changes, at) values ($1, $2, $3, $4)',
};

/** What Fastify compiles into a check of its own; nothing checks faster. */
const BODY = {
  type: 'object',
  required: ['consent'],
  properties: {
    mode: { enum: ['server', 'widget'] },
    email: { type: 'string', maxLength: 320, pattern: '^[^\\s@]+@[^\\s@]+$' },
    phone: { type: 'string', maxLength: 64 },
    consent: {
      type: 'object',
      required: ['marketing', 'dataProcessing'],
      properties: { marketing: { type: 'boolean' }, dataProcessing: { const: true } },
    },
    channelContext: {
      type: 'object',
      properties: { originPage: { type: 'string' }, campaignId: { type: 'string', pattern: '^[A-Z0-9_-]+$' } },
    },
    attributes: { type: 'object', additionalProperties: { type: 'string', maxLength: 256 } },
  },
};

const hash = (/** @type {string | undefined} */ value) =>
  value === undefined ? null : createHash('sha256').update(value.trim().toLowerCase()).digest('hex');

serve(async () => {
  const { openEmbedded } = built('adapters/storage/embedded/embedded.engine.js');
  const engine = await openEmbedded({ dataDir: setting('DATA_DIR') });
  await engine.writes.query(SCHEMA);
  const crm = new URL(setting('CRM_BATCH_UPSERT_URL'));
  const token = setting('CRM_AUTH_TOKEN');
  const toCrm = new Client(crm.origin, Infinity);
  const toGenesys = new Client(setting('BENCH_PLATFORM_URL'), Infinity);

  /** @param {Client} client @param {string} path @param {unknown} body @param {Record<string, string>} headers */
  const post = async (client, path, body, headers) => {
    const answer = await client.send({
      method: 'POST',
      path,
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify(body),
    });
    if (answer.status !== 200) throw new Error(`${path} answered ${answer.status}`);
    return JSON.parse(answer.text);
  };

  const app = fastify();
  app.post('/v1/guests', { schema: { body: BODY } }, async (request, reply) => {
    const { email, phone, consent, channelContext = {}, attributes = {} } = /** @type {any} */ (request.body);
    const at = new Date();
    const guest = {
      id: randomUUID(),
      mode: 'widget',
      channel: 'webmessaging',
      state: 'created',
      consent,
      identityAttributes: { emailHash: hash(email), phoneHash: hash(phone) },
      channelContext,
      attributes,
      interactionCount: 0,
      createdDate: at.toISOString(),
      modifiedDate: at.toISOString(),
      version: 1,
    };
    const { emailHash, phoneHash } = guest.identityAttributes;

    const session = await post(toGenesys, '/api/v2/conversations/messages', { externalTag: guest.id }, {});
    const key = `batch-${guest.id}`;
    const record = { externalId: guest.id, emailHash, phoneHash, consentFlags: consent, channelContext };
    await post(
      toCrm,
      crm.pathname,
      { idempotencyKey: key, records: [{ ...record, lastInteraction: guest.modifiedDate }] },
      { authorization: `Bearer ${token}`, 'idempotency-key': key },
    );

    const client = await engine.writes.connect();
    try {
      await client.query('begin');
      const values = [guest.id, emailHash, phoneHash, JSON.stringify(guest), guest.createdDate];
      await client.query({ ...INSERT_GUEST, values });
      const changes = JSON.stringify({ consent, conversationId: session.id });
      await client.query({ ...INSERT_AUDIT, values: [guest.id, 'GUEST_CREATED', changes, guest.createdDate] });
      await client.query('commit');
    } catch (error) {
      await client.query('rollback');
      throw error;
    } finally {
      client.release();
    }
    return reply.code(201).send(guest);
  });
  const origin = await app.listen({ port: 0, host: '127.0.0.1' });
  return {
    told: { origin },
    close: async () => {
      await app.close();
      toCrm.close();
      toGenesys.close();
      await engine.close();
    },
  };
});
