-- Files of guests' conversations. What is known of a file is sealed under its guest's key, and so are its bytes, which are here only until
-- Genesys has them.
create table attachment (
  guest_id uuid not null,
  id uuid not null,
  -- The message that carries it; null while none does.
  message_id uuid,
  status text not null,
  size integer not null,
  sealed_about text not null,
  sealed_bytes text,
  code text,
  at timestamptz not null,
  primary key (guest_id, id)
);
create index attachment_kept on attachment (at) where sealed_bytes is not null;
create index attachment_waiting on attachment (guest_id) where status = 'queued';

alter table message add column attachment_ids uuid[] not null default '{}';
