create table webhook_endpoint (
  id uuid primary key,
  url text not null,
  events jsonb not null,
  description text,
  -- Null while enabled.
  disabled_reason text,
  disabled_at timestamptz,
  failing_since timestamptz,
  sealed_secret text not null,
  previous_sealed_secret text,
  previous_until timestamptz,
  created_at timestamptz not null,
  modified_at timestamptz not null
);

create table webhook_delivery (
  -- UUIDv7: the log is read in their order.
  id uuid primary key,
  endpoint_id uuid not null,
  subject text not null,
  type text not null,
  body text not null,
  status text not null,
  -- Its subject has withdrawn consent: whatever its status, it is not sent any more.
  withdrawn boolean not null default false,
  attempts integer not null default 0,
  -- In a row since it was made or replayed: the place in the schedule.
  failures integer not null default 0,
  -- Null when there is nothing to send.
  due_at timestamptz,
  leased_until timestamptz,
  last_at timestamptz,
  last_status integer,
  code text,
  created_at timestamptz not null
) with (fillfactor = 80);
-- Leases are not in it, so that a claim is an update in place.
create index webhook_delivery_due on webhook_delivery (endpoint_id, due_at) where due_at is not null;
create index webhook_delivery_log on webhook_delivery (endpoint_id, id);
create index webhook_delivery_undelivered on webhook_delivery (endpoint_id, status, id) where status <> 'delivered';
create index webhook_delivery_subject on webhook_delivery (subject);
create index webhook_delivery_created_at on webhook_delivery (created_at);
