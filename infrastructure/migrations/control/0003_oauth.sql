-- The number of the last change in who may call and how. A change takes the next number under this row's
-- lock and writes it with what it changes, so whoever has read up to a number has missed nothing before it.
create table {schema}.access_head (
    k int primary key check (k = 1),
    last_change bigint not null
) with (fillfactor = 10);
insert into {schema}.access_head (k, last_change) values (1, 0);
grant select, update on {schema}.access_head to {service};

-- What ended before its time: an access token, all that came from one authorization, everything of a user
-- or of a client. Users may come back (is_in_force is false then). What expires by itself is swept later.
create table {schema}.revocations (
    kind text collate "C" not null check (kind in ('token', 'family', 'subject', 'client')),
    tenant text collate "C" not null,
    name text collate "C" not null,
    change bigint not null,
    is_in_force boolean not null,
    expires_at timestamptz,
    primary key (kind, tenant, name)
);
create index revocations_change_idx on {schema}.revocations (change);
create index revocations_expires_at_idx on {schema}.revocations (expires_at) where expires_at is not null;
grant select, insert, update, delete on {schema}.revocations to {service};
-- Nothing was ever written there.
drop table {schema}.revoked_tokens;

-- The directory of clients: each row is what the client's stream of events folded to at that revision.
alter table {schema}.oauth_clients
    add column settings jsonb,
    add column revision bigint not null default 0,
    add column change bigint not null default 0;
create index oauth_clients_change_idx on {schema}.oauth_clients (change);

-- Authorization codes, by their SHA-256. What comes from one, by whatever refreshes, is its family.
create table {schema}.authorization_codes (
    code_hash bytea primary key,
    family text collate "C" not null,
    tenant text collate "C" not null,
    client_id text collate "C" not null,
    subject text collate "C" not null,
    scope text not null,
    redirect_uri text,
    code_challenge text collate "C" not null,
    expires_at timestamptz not null,
    -- By which attempt to redeem it, null while it is good.
    used_by text collate "C"
);
create index authorization_codes_expires_at_idx on {schema}.authorization_codes (expires_at);
grant select, insert, update, delete on {schema}.authorization_codes to {service};

-- What was granted with a code that was redeemed.
create table {schema}.refresh_families (
    family text collate "C" primary key,
    tenant text collate "C" not null,
    client_id text collate "C" not null,
    subject text collate "C" not null,
    scope text not null,
    is_ended boolean not null default false,
    expires_at timestamptz not null
);
create index refresh_families_subject_idx on {schema}.refresh_families (tenant, subject) where not is_ended;
create index refresh_families_expires_at_idx on {schema}.refresh_families (expires_at);
grant select, insert, update, delete on {schema}.refresh_families to {service};

-- Refresh tokens, by their SHA-256. Used ones stay, so that a second use is noticed.
create table {schema}.refresh_tokens (
    token_hash bytea primary key,
    family text collate "C" not null,
    expires_at timestamptz not null,
    used_by text collate "C"
);
create index refresh_tokens_expires_at_idx on {schema}.refresh_tokens (expires_at);
grant select, insert, update, delete on {schema}.refresh_tokens to {service};

-- Who is signed in, or has given a password and still owes a code, by the SHA-256 of the cookie.
create table {schema}.sign_in_sessions (
    session_hash bytea primary key,
    tenant text collate "C" not null,
    subject text collate "C" not null,
    owes_code boolean not null,
    expires_at timestamptz not null
);
create index sign_in_sessions_expires_at_idx on {schema}.sign_in_sessions (expires_at);
grant select, insert, update, delete on {schema}.sign_in_sessions to {service};
