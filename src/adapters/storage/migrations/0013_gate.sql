-- What all processes together know of a remote they share: the minute's allowance, whether it asked to wait, whether it fails.
create table gate (
  name text primary key,
  state jsonb not null
);
