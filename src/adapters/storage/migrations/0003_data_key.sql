-- The data keys that have wrapped something here, and a text only the right key can read: a service that was given wrong keys
-- learns it when it starts, not when somebody asks for what it cannot decrypt.
create table data_key (
  id text primary key,
  proof text not null
);
