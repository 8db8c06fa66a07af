-- Since when a guest may be at rest: an open one from its creation, one that is over from its end. The sweeps move it on when they find that
-- a guest is not due yet. A change of the guest leaves it alone, so that a counted message is an update in place: no index is written.
alter table guest add column resting_since timestamptz;
update guest set resting_since = case
  when state in ('closed', 'expired', 'erased', 'failed')
    then coalesce((document->>'closedDate')::timestamptz, (document->>'modifiedDate')::timestamptz)
  else created_at end;
alter table guest alter column resting_since set not null;
create index guest_idle on guest (resting_since, id)
  where state in ('created', 'configured', 'active', 'disconnected');
create index guest_past on guest (resting_since, id)
  where state in ('closed', 'expired', 'erased', 'failed');

-- Texts that may go once they are old enough: not those that wait to be sent.
create index message_text on message (at) where sealed_text is not null and status <> 'queued';
