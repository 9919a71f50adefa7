-- Reports that are made in the background, and their results, which are kept for a while.
create table {schema}.report_jobs (
    report_id text collate "C" primary key,
    tenant text collate "C" not null,
    wish text not null,
    status text collate "C" not null check (status in ('queued', 'running', 'completed', 'failed')),
    progress smallint not null default 0,
    -- How often it was begun. What an attempt wrote counts only while there is no later one.
    attempt int not null default 0,
    row_count bigint not null default 0,
    created_at timestamptz not null,
    expires_at timestamptz not null
) with (fillfactor = 50);
create index report_jobs_unfinished_idx on {schema}.report_jobs (tenant, created_at)
    where status in ('queued', 'running');
create index report_jobs_expires_at_idx on {schema}.report_jobs (tenant, expires_at);
grant select, insert, update, delete on {schema}.report_jobs to {service};

-- A result in parts, in the order of their numbers.
create table {schema}.report_parts (
    report_id text collate "C" not null,
    attempt int not null,
    number int not null,
    body bytea not null,
    primary key (report_id, attempt, number)
);
grant select, insert, update, delete on {schema}.report_parts to {service};
