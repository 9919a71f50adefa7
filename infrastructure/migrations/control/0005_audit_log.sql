-- Every call that was answered, whoever made it: a partition for each month, so that old ones are dropped whole.
-- Calls that nobody could be made accountable for have an empty tenant. The service may only add: it has no
-- right to change or remove a row, nor to touch a partition.
create table {schema}.audit_log (
    at timestamptz not null,
    tenant text collate "C" not null,
    -- The process, and a number of its own that grows.
    id text collate "C" not null,
    client_id text collate "C" not null,
    subject text collate "C" not null,
    surface text collate "C" not null,
    method text collate "C" not null,
    path text collate "C" not null,
    status smallint not null,
    request_id text collate "C" not null,
    primary key (tenant, at, id)
) partition by range (at);
revoke all on {schema}.audit_log from public;
grant select, insert on {schema}.audit_log to {service};

-- Makes a month's partition where there is none. The one thing about partitions that the service may do; it
-- runs as the owner.
create function {schema}.make_audit_month(month date) returns void language plpgsql
security definer set search_path = pg_catalog, pg_temp as $$
declare
    first date := date_trunc('month', month)::date;
    partition text := 'audit_log_' || to_char(first, 'YYYY_MM');
begin
    if to_regclass(format('{schema}.%I', partition)) is null then
        execute format(
            'create table {schema}.%I partition of {schema}.audit_log for values from (%L) to (%L)',
            partition,
            first::timestamp at time zone 'UTC',
            (first + interval '1 month')::timestamp at time zone 'UTC'
        );
    end if;
exception
    -- Another process was first.
    when duplicate_table or unique_violation or invalid_object_definition then null;
end $$;
revoke all on function {schema}.make_audit_month(date) from public;
grant execute on function {schema}.make_audit_month(date) to {service};
