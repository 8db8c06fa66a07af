-- Whose a conversation is, for those who know only the conversation. A table of its own: guests that are not linked yet, most of what is written,
-- cost it nothing.
create table guest_conversation (
  conversation_id text not null,
  guest_id uuid not null,
  primary key (conversation_id, guest_id)
);
insert into guest_conversation (conversation_id, guest_id)
  select distinct conversation->>'id', id from guest, jsonb_array_elements(document->'conversations') as conversation;

-- When Genesys is to be asked what became of a guest, if nothing was heard until then. Moved on by who asks, and by no change of the guest.
alter table guest add column look_at timestamptz;
update guest set look_at = created_at;
alter table guest alter column look_at set not null;
create index guest_look on guest (look_at, id) where state in ('created', 'configured', 'active', 'disconnected', 'closing');
