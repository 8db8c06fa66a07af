-- Whose a conversation is, for those who know only the conversation. A column of its own: it does not change with the document, so that a counted
-- message stays an update in place.
alter table guest add column conversation_ids text[];
update guest set conversation_ids = array(select conversation->>'id' from jsonb_array_elements(document->'conversations') as conversation);
alter table guest alter column conversation_ids set not null;
create index guest_conversation on guest using gin (conversation_ids) with (fastupdate = off);

-- When Genesys is to be asked what became of a guest, if nothing was heard until then. Moved on by who asks, and by no change of the guest.
alter table guest add column look_at timestamptz;
update guest set look_at = created_at;
alter table guest alter column look_at set not null;
create index guest_look on guest (look_at, id) where state in ('created', 'configured', 'active', 'disconnected', 'closing');
