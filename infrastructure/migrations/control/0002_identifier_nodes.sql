-- Node numbers, one for each process that makes identifiers. Whoever holds a row may use the units of time up
-- to used_until with its node, and whoever takes the row next starts after that. So no two processes ever
-- share a node and a time, whatever their clocks show. expires_at is by this server's clock and decides only
-- when a row may be taken from a holder that died.
create table {schema}.identifier_nodes (
    node int primary key check (node between 0 and 127),
    holder text collate "C",
    -- In units of 8 ms since 2020; 38 bits of an identifier.
    used_until bigint not null default -1 check (used_until between -1 and 274877906943),
    expires_at timestamptz,
    check ((holder is null) = (expires_at is null))
) with (fillfactor = 50);
insert into {schema}.identifier_nodes (node) select node from generate_series(0, 127) as node;
grant select, update on {schema}.identifier_nodes to {service};
