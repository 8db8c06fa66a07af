-- Tokens handed to pages, by the hash of each. A row stands until its token has expired, at most an hour.
create table widget_token (
  digest text primary key,
  id uuid not null,
  guest_id uuid not null,
  origins text[] not null,
  expires_at timestamptz not null,
  revoked_at timestamptz
);
create index widget_token_guest on widget_token (guest_id) where revoked_at is null;
create index widget_token_expires_at on widget_token (expires_at);
