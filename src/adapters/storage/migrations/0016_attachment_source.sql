-- Files come from the other side too, and Genesys has the bytes of all that were sent: here is only where they can be had, sealed under the
-- guest's key, because whoever knows the address can read the file.
alter table attachment add column sealed_source text;
-- The other side does not always say it.
alter table attachment alter column size drop not null;
drop index attachment_kept;
create index attachment_kept on attachment (at) where sealed_bytes is not null or sealed_source is not null;
