-- A claim changes only when a lease ends. Outside the index of what is due, that is an update in place: no index is written.
-- The few records under lease that a claim finds on its way it steps over.
drop index crm_record_due;
create index crm_record_due on crm_record (crm, due_at) where due_at is not null;
alter table crm_record set (fillfactor = 70);
