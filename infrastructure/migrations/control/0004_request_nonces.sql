-- Nonces of signed requests, so that none is taken twice. used_by tells one use from another that is asked
-- for again because its answer was lost.
create table {schema}.request_nonces (
    client_id text collate "C" not null,
    nonce text collate "C" not null,
    expires_at timestamptz not null,
    used_by text collate "C" not null,
    primary key (client_id, nonce)
);
create index request_nonces_expires_at_idx on {schema}.request_nonces (expires_at);
grant select, insert, update, delete on {schema}.request_nonces to {service};
