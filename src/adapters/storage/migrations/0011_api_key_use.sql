-- When each API key was shown last, to whichever process. Keys themselves are configuration and never here.
create table api_key_use (
  name text primary key,
  used_at timestamptz not null
);
