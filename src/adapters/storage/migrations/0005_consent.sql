-- What a guest decided, one row a decision. Rows are only ever added; the guest's own flags are the newest of them.
create table consent (
  guest_id uuid not null,
  -- The order of recording: a guest's rows are written under the lock of the guest.
  position bigint generated always as identity,
  id uuid not null,
  purpose text not null,
  decision text not null,
  notice_version text,
  method text not null,
  -- When it was decided, which may be long before it was recorded.
  at timestamptz not null,
  recorded_at timestamptz not null,
  actor text not null,
  -- The key its receipt is signed with, so that the same receipt can be made again after a rotation.
  key_id text not null,
  -- A guest has a handful of these; everything asked of them is asked of one guest.
  primary key (guest_id, position)
);
