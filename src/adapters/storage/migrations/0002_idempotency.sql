-- Answers to requests that carried an Idempotency-Key. The scope is a hash; the answer, with a hash of what was asked, is sealed under its subject's key.
create table idempotency (
  scope text primary key,
  subject text not null,
  answer text not null,
  created_at timestamptz not null
);
create index idempotency_created_at on idempotency (created_at);
