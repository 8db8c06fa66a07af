-- A chunk is remembered from before it is sent until it was answered: after a crash or a time-out the same members go out again under the
-- same key. It holds the key to what was sent of each, and the guest's own row holds the rest, so that a guest is erased in one place.
create table crm_chunk (
  id uuid primary key,
  crm text not null,
  -- In the order in which they are sent.
  members uuid[] not null,
  hashes text[] not null,
  -- When its records were first sent.
  since timestamptz not null,
  failures integer not null default 0,
  -- How often its key was found to be used up.
  rekeyed integer not null default 0,
  code text,
  due_at timestamptz not null,
  -- Null while nobody delivers.
  leased_until timestamptz,
  -- How often it was leased: only the last holder may let go of it.
  leases integer not null default 1
);
create index crm_chunk_due on crm_chunk (crm, due_at);

alter table crm_record drop column leased_until;
alter table crm_record drop column code;
-- The chunk it is under way with; still set when nobody knows what became of that.
alter table crm_record add column chunk uuid;
-- What went out with the chunk, where something newer has taken its place meanwhile.
alter table crm_record add column sent jsonb;
-- Null unless the CRM is not to be sent this form again.
alter table crm_record add column dead_at timestamptz;
alter table crm_record add column dead_letter jsonb;
update crm_record set dead_at = date_trunc('milliseconds', now()), dead_letter = '{"code": "crm.refused", "reason": null, "attempts": 1}'
  where refused_hash is not null and refused_hash = desired_hash;
create index crm_record_dead on crm_record (crm, dead_at, guest_id) where dead_at is not null;

alter table crm_pause rename to crm_state;
alter table crm_state add column opened_at timestamptz;
alter table crm_state add column code text;
alter table crm_state add column failed_at timestamptz;
alter table crm_state add column chunk_limit integer;
alter table crm_state add column limited_at timestamptz;

create table crm_minute (
  crm text not null,
  minute timestamptz not null,
  delivered integer not null,
  dead integer not null,
  calls integer not null,
  failures integer not null,
  primary key (crm, minute)
);
