-- That a guest was to be erased and what became of it. Outlives the guest: ids and times only.
create table erasure (
  id uuid primary key,
  guest_id uuid not null unique,
  requested_at timestamptz not null,
  -- Null while the guest's session is being ended.
  erased_at timestamptz,
  state text not null,
  places jsonb not null
);
create index erasure_state on erasure (state, id);

-- Whether the CRM may hold anything of the guest: where nothing was ever sent nothing has to be erased. True unless somebody who knows better says otherwise.
alter table crm_record add column was_sent boolean not null default true;
