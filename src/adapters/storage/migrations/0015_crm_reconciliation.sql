-- One run through what a CRM holds, page by page: whoever takes it up after a crash goes on behind the cursor.
create table crm_reconciliation (
  id uuid primary key,
  crm text not null,
  trigger text not null,
  state text not null,
  started_at timestamptz not null,
  ended_at timestamptz,
  -- Of the CRM while its pages are read, of our own records afterwards.
  cursor text,
  pages integer not null default 0,
  records integer not null default 0,
  missing integer not null default 0,
  extra integer not null default 0,
  different integer not null default 0,
  repaired integer not null default 0,
  -- Null when there is nothing to do; while somebody is at it, when they are taken for dead.
  due_at timestamptz,
  leases integer not null default 0,
  code text
);
create index crm_reconciliation_started on crm_reconciliation (crm, started_at desc, id desc);
create index crm_reconciliation_due on crm_reconciliation (due_at) where due_at is not null;
-- One at a time, whichever process asks for it.
create unique index crm_reconciliation_open on crm_reconciliation (crm) where due_at is not null;

-- Whom the CRM was found to hold; gone when the run is over.
create table crm_seen (
  reconciliation uuid not null references crm_reconciliation on delete cascade,
  guest_id uuid not null,
  primary key (reconciliation, guest_id)
);

create table crm_drift (
  reconciliation uuid not null references crm_reconciliation on delete cascade,
  -- The guest's id, or the hash of what the CRM calls a record that is no guest of ours: people may have typed anything there.
  record_key text not null,
  guest_id uuid,
  remote_id text,
  kind text not null,
  -- By name; never the values.
  fields text[] not null,
  primary key (reconciliation, record_key)
);
create index crm_drift_guest on crm_drift (guest_id) where guest_id is not null;

-- What was delivered after a page was read cannot stand in it.
alter table crm_record add column delivered_at timestamptz;
