-- The key that a person's data is sealed with, itself sealed with the service's master key. Where the row is
-- gone, so is all that was ever sealed with it. A deleted row is soon wiped from the table's files, too.
create table {schema}.subject_keys (
    subject text collate "C" primary key,
    sealed_key text not null,
    created_at timestamptz not null default now()
) with (autovacuum_vacuum_threshold = 0, autovacuum_vacuum_scale_factor = 0);
grant select, insert, delete on {schema}.subject_keys to {service};
-- Whoever changes a person's data holds the row's lock meanwhile.
grant update (sealed_key) on {schema}.subject_keys to {service};

-- Who has which e-mail address, by its keyed digest: one address, one person.
create table {schema}.subject_emails (
    digest bytea primary key,
    subject text collate "C" not null,
    claimed_at timestamptz not null default now()
) with (autovacuum_vacuum_threshold = 0, autovacuum_vacuum_scale_factor = 0);
create index subject_emails_subject_idx on {schema}.subject_emails (subject);
grant select, insert, update, delete on {schema}.subject_emails to {service};

-- What people can be found by: keyed digests of the words of a field and of how these begin.
create table {schema}.subject_words (
    subject text collate "C" not null,
    field text collate "C" not null,
    digests bigint[] not null,
    primary key (subject, field)
) with (autovacuum_vacuum_threshold = 0, autovacuum_vacuum_scale_factor = 0);
create index subject_words_digests_idx on {schema}.subject_words using gin (digests);
grant select, insert, update, delete on {schema}.subject_words to {service};

-- Tokens that set a new password, by their SHA-256. Used ones stay until they expire, so that the request
-- that asked for one cannot bring it back when it is repeated.
create table {schema}.password_resets (
    token_hash bytea primary key,
    subject text collate "C" not null,
    expires_at timestamptz not null,
    is_used boolean not null default false
);
create index password_resets_subject_idx on {schema}.password_resets (subject);
create index password_resets_expires_at_idx on {schema}.password_resets (expires_at);
grant select, insert, update, delete on {schema}.password_resets to {service};
