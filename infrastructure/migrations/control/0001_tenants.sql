-- Which tenants there are, and the schema that each one's ledger lives in.
create table {schema}.tenants (
    tenant text collate "C" primary key,
    schema_name text collate "C" not null unique,
    created_at timestamptz not null default now()
);
grant usage on schema {schema} to {service};
grant select on {schema}.tenants to {service};

-- The keys that access tokens are signed with; the highest generation that is not retired signs.
-- The private half is not encrypted: only the service role may read this table, and that role would hold
-- the means to decrypt it, too. It is forgotten when the key is retired.
create table {schema}.signing_keys (
    generation bigint primary key,
    key_id text collate "C" not null unique,
    private_jwk jsonb,
    public_jwk jsonb not null,
    created_at timestamptz not null default now(),
    retired_at timestamptz,
    check (private_jwk is not null or retired_at is not null)
);
revoke all on {schema}.signing_keys from public;
grant select, insert, update on {schema}.signing_keys to {service};

-- OAuth clients; secrets only as Argon2 hashes.
create table {schema}.oauth_clients (
    client_id text collate "C" primary key,
    tenant text collate "C" not null,
    secret_hash text not null,
    scopes text not null,
    roles text not null default '',
    created_at timestamptz not null default now()
);
grant select, insert, update, delete on {schema}.oauth_clients to {service};

-- Access tokens that were revoked before they expired.
create table {schema}.revoked_tokens (
    token_id text collate "C" primary key,
    expires_at timestamptz not null
);
grant select, insert, delete on {schema}.revoked_tokens to {service};

-- Fixed-window counters of requests, shared by all processes. Losing them in a crash only forgives
-- requests, so they need no write-ahead log.
create unlogged table {schema}.rate_counters (
    counter text collate "C" not null,
    window_end bigint not null,
    requests bigint not null,
    primary key (counter, window_end)
) with (fillfactor = 70);
grant select, insert, update, delete on {schema}.rate_counters to {service};
