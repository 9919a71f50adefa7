-- The last position given out. Its one row is what serialises a tenant's appends until commit, so
-- positions are gapless and in commit order whatever the number of writers. The epoch changes when a
-- sandbox starts over, so that no process goes on from states that are no longer history.
create table {schema}.log_head (
    k int primary key,
    last_id bigint not null,
    epoch bigint not null default 1
) with (fillfactor = 10);
insert into {schema}.log_head (k, last_id) values (1, 0);

-- The log, in the eventsourcing library's layout with text originator ids.
create table {schema}.events (
    originator_id text collate "C" not null,
    originator_version bigint not null,
    topic text collate "C" not null,
    state bytea not null,
    notification_id bigint not null,
    primary key (originator_id, originator_version)
) with (
    autovacuum_vacuum_insert_scale_factor = 0.5,
    autovacuum_analyze_scale_factor = 0.1
);
create unique index events_notification_id_idx on {schema}.events (notification_id);

create table {schema}.snapshots (
    originator_id text collate "C" not null,
    originator_version bigint not null,
    topic text collate "C" not null,
    state bytea not null,
    primary key (originator_id, originator_version)
);

-- How far each reader of the log has got.
create table {schema}.tracking (
    application_name text collate "C" primary key,
    notification_id bigint
) with (fillfactor = 10);

-- Background work is divided by leases: whoever holds the row does the work until it expires.
create table {schema}.leases (
    work text collate "C" primary key,
    holder text not null,
    expires_at timestamptz not null
) with (fillfactor = 10);

-- Whether any of the streams has grown beyond the version that was expected, or the epoch is another.
create function {schema}.have_grown(streams text[], versions bigint[], known_epoch bigint)
returns boolean language sql stable as $$
    select exists (select 1 from {schema}.log_head where k = 1 and epoch <> known_epoch)
        or exists (
            select 1 from unnest(streams, versions) as r (stream, version)
            join {schema}.events e on e.originator_id = r.stream and e.originator_version = r.version + 1
        )
$$;

-- Writes a group in one round trip and one commit, and returns the position of its last event. A version
-- that exists already, or a stream that was read and has grown since, raises a unique violation, and
-- nothing is written. The notification is only a hint.
create function {schema}.append_events(
    streams text[], versions bigint[], topics text[], states bytea[],
    read_streams text[], read_versions bigint[], known_epoch bigint
) returns bigint language plpgsql as $$
declare
    n bigint := cardinality(streams);
    last_position bigint;
    current_epoch bigint;
begin
    update {schema}.log_head set last_id = last_id + n where k = 1
    returning last_id, epoch into last_position, current_epoch;
    if current_epoch <> known_epoch then
        raise unique_violation using message = 'the ledger was started over';
    end if;
    if cardinality(read_streams) > 0 and {schema}.have_grown(read_streams, read_versions, known_epoch) then
        raise unique_violation using message = 'a stream that was read has grown';
    end if;
    insert into {schema}.events (originator_id, originator_version, topic, state, notification_id)
    select e.stream, e.version, e.topic, e.state, h.last_id - n + e.ordinal
    from {schema}.log_head h,
         unnest(streams, versions, topics, states) with ordinality e (stream, version, topic, state, ordinal)
    where h.k = 1;
    perform pg_notify('{schema}', last_position::text);
    return last_position;
end $$;

-- Append-only: the service may add to the log, never change or remove.
grant usage on schema {schema} to {service};
grant select, insert on {schema}.events to {service};
grant select, update on {schema}.log_head to {service};
grant select, insert, delete on {schema}.snapshots to {service};
grant select, insert, update on {schema}.tracking to {service};
grant select, insert, update, delete on {schema}.leases to {service};
grant execute on function {schema}.append_events, {schema}.have_grown to {service};
