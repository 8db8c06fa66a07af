-- Where a message stands in the order in which its guest's messages came to be and changed. A message that changes moves to the end. Read as
-- the trail is: in the order (xid, position), and only below the oldest running transaction, so that nothing appears before what was read.
alter table message
  add column position bigint generated always as identity,
  add column xid xid8 not null default pg_current_xact_id();
create index message_changes on message (guest_id, xid, position);
-- A guest writes a lot and waits with little of it.
create index message_queued on message (guest_id, at, id) where status = 'queued';
