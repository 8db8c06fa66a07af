-- There are no foreign keys: rows of one unit of work are written table by table, for many units at once, and what a table
-- says about a guest may outlive the guest. Who owns a row's erasure is said in the code.

create table guest (
  id uuid primary key,
  version integer not null,
  state text not null,
  mode text not null,
  email_hash text,
  phone_hash text,
  campaign_id text,
  created_at timestamptz not null,
  document jsonb not null
);
-- Ids are UUIDv7, so their order is the order of creation and every list is read from the end of one index.
create index guest_state on guest (state, id);
create index guest_email on guest (email_hash, id) where email_hash is not null;
create index guest_phone on guest (phone_hash, id) where phone_hash is not null;
create index guest_campaign on guest (campaign_id, id) where campaign_id is not null;

create table session (
  guest_id uuid primary key,
  sealed_token text not null,
  owner uuid,
  -- Null until a process holds the session for the first time.
  owner_until timestamptz
);
create index session_owner_until on session (owner_until) where owner_until is not null;

create table message (
  guest_id uuid not null,
  id uuid not null,
  key text,
  sender text not null,
  status text not null,
  sealed_text text,
  at timestamptz not null,
  primary key (guest_id, id)
);
create unique index message_key on message (guest_id, key) where key is not null;
create index message_order on message (guest_id, at, id);

create table audit_entry (
  subject text not null,
  sequence bigint not null,
  body text not null,
  previous_hash text not null,
  hash text not null,
  sealed text,
  position bigint generated always as identity,
  -- A transaction that commits late may carry a lower position than one that is visible already. Read in the order
  -- (xid, position) and only below the oldest running transaction, the trail never grows in the middle.
  xid xid8 not null default pg_current_xact_id(),
  primary key (subject, sequence)
);
create index audit_entry_order on audit_entry (xid, position);

create table audit_head (
  subject text primary key,
  sequence bigint not null,
  hash text not null
) with (fillfactor = 70);

create table metric_event (
  guest_id uuid not null,
  position bigint generated always as identity,
  type text not null,
  at timestamptz not null,
  sender text,
  primary key (guest_id, position)
);

create table crm_record (
  crm text not null,
  guest_id uuid not null,
  version integer not null,
  -- Null when withdrawn.
  record jsonb,
  desired_hash text,
  delivered_hash text,
  delivered_version integer,
  remote_id text,
  -- Null when there is nothing to send.
  due_at timestamptz,
  -- Set while somebody delivers; still set when they never came back, and then nobody knows what the CRM holds.
  leased_until timestamptz,
  attempts integer not null default 0,
  code text,
  refused_hash text,
  primary key (crm, guest_id)
);
create index crm_record_due on crm_record (crm, greatest(due_at, leased_until)) where due_at is not null;

create table crm_pause (
  crm text primary key,
  until timestamptz,
  failures integer not null
);

create table outbox (
  id bigint generated always as identity primary key,
  topic text not null,
  subject text not null,
  -- What tells intents of one topic and subject apart; empty for those that replace each other.
  slot text not null,
  payload jsonb not null,
  revision integer not null default 1,
  run_at timestamptz not null,
  leased_until timestamptz,
  attempts integer not null default 0,
  code text,
  parked_at timestamptz,
  unique (topic, subject, slot)
);
create index outbox_due on outbox (topic, greatest(run_at, leased_until), id) where parked_at is null;

create table subject_key (
  subject text primary key,
  -- Which data key wrapped it. Null, with `wrapped`, once destroyed: the row stays, so that no second key is ever made.
  kid text,
  wrapped text
);

create table lease (
  name text primary key,
  holder uuid not null,
  until timestamptz not null
);
