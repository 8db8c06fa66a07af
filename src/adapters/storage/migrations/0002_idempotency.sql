-- Answers to requests that carried an Idempotency-Key. Scope and fingerprint are hashes; the answer is sealed under its subject's key.
create table idempotency (
  scope text primary key,
  fingerprint text not null,
  subject text not null,
  answer text not null,
  created_at timestamptz not null
);
create index idempotency_created_at on idempotency (created_at);
