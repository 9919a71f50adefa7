"""The queries of reports made to order. A filter that is null lets everything pass, and so does a limit."""

_OF_ENTRIES = """
from {schema}.journal
where effective_at >= %(effective_from)s and effective_at < %(effective_before)s
  and (%(account_id)s::text is null or account_id = %(account_id)s)
  and (%(type)s::text is null or kind = %(type)s)
  and (%(currency)s::text is null or currency = %(currency)s)
  and (%(contra)s::text is null or debit_code = %(contra)s or credit_code = %(contra)s)
"""

ENTRIES = f"""
select effective_at, recorded_at, reference, kind as type, account_id,
       case when credit_code = %(deposits)s then debit_code else credit_code end as contra,
       credit_code = %(deposits)s as is_credit, amount, currency, description
{_OF_ENTRIES}
order by effective_at, position limit %(limit)s::bigint
"""

# An entry between two customers has two legs: on their accounts both count, elsewhere the debit counts for
# both.
MOVEMENTS_BY_ENTRIES = f"""
select case %(group_by)s::text when 'type' then kind when 'account' then account_id
            when 'day' then to_char(effective_at at time zone 'UTC', 'YYYY-MM-DD') else '' end as key,
       currency,
       count(*) filter (where debit_code <> %(clearing)s or %(group_by)s::text = 'account'
                        or %(account_id)s::text is not null) as number,
       coalesce(sum(amount) filter (where debit_code = %(deposits)s), 0) as debits,
       coalesce(sum(amount) filter (where credit_code = %(deposits)s), 0) as credits
{_OF_ENTRIES}
group by 1, 2 order by 1, 2 limit %(limit)s::bigint
"""

MOVEMENTS_BY_DAYS = """
select case %(group_by)s::text when 'type' then type
            when 'day' then to_char(effective_day, 'YYYY-MM-DD') else '' end as key,
       currency, sum(movements) as number, sum(debits) as debits, sum(credits) as credits
from {schema}.report_days
where effective_day >= %(date_from)s and effective_day < %(day_before)s
  and (%(type)s::text is null or type = %(type)s)
  and (%(currency)s::text is null or currency = %(currency)s)
group by 1, 2 order by 1, 2 limit %(limit)s::bigint
"""

# From the balances of today backwards: what was posted since is little where the period is recent.
_OF_ACCOUNTS = """
with since as (
    select account_id,
           sum(case when credit_code = %(deposits)s then amount else -amount end) as start,
           sum(case when credit_code = %(deposits)s then amount else -amount end)
               filter (where effective_at >= %(effective_before)s) as "end"
    from {schema}.journal
    where effective_at >= %(effective_from)s
      and (%(account_id)s::text is null or account_id = %(account_id)s)
    group by account_id
), accounts as (
    select a.account_id, a.account_number, a.account_type, a.status, a.currency,
           b.posted - coalesce(s.start, 0) as opening, b.posted - coalesce(s."end", 0) as closing
    from {schema}.account_directory a
    join {schema}.balances b on b.account_id = a.account_id
    left join since s on s.account_id = a.account_id
    -- What was brought in from elsewhere may count from before its account was opened here.
    where (a.opened_at < %(effective_before)s
           or b.posted <> coalesce(s.start, 0) or b.posted <> coalesce(s."end", 0))
      and (%(account_id)s::text is null or a.account_id = %(account_id)s)
      and (%(type)s::text is null or a.account_type = %(type)s)
      and (%(currency)s::text is null or a.currency = %(currency)s)
)
"""

BALANCES = f"""
{_OF_ACCOUNTS}
select account_id, account_number, account_type, status, currency, opening, closing
from accounts order by account_id limit %(limit)s::bigint
"""

BALANCE_GROUPS = f"""
{_OF_ACCOUNTS}
select case %(group_by)s::text when 'type' then account_type else '' end as account_type, currency,
       sum(opening) as opening, sum(closing) as closing
from accounts group by 1, 2 order by 1, 2 limit %(limit)s::bigint
"""

_DAYS = """
with days as (
    select account_code, currency, effective_day, sum(debits) as debits, sum(credits) as credits
    from {schema}.general_ledger
    where effective_day < %(day_before)s
      and (%(account_code)s::text is null or account_code = %(account_code)s)
      and (%(currency)s::text is null or currency = %(currency)s)
    group by account_code, currency, effective_day
), running as (
    select account_code, currency, effective_day, debits, credits,
           sum(debits - credits) over (partition by account_code, currency order by effective_day)
               - debits + credits as opening
    from days
)
"""

LEDGER_DAYS = f"""
{_DAYS}
select to_char(effective_day, 'YYYY-MM-DD') as date, account_code, currency, opening, debits, credits
from running where effective_day >= %(date_from)s
order by effective_day, account_code, currency limit %(limit)s::bigint
"""

BALANCES_BY_DAY = f"""
{_DAYS}
select to_char(effective_day, 'YYYY-MM-DD') as date, currency, -opening as opening,
       credits - debits - opening as closing
from running where effective_day >= %(date_from)s and account_code = %(deposits)s
order by effective_day, currency limit %(limit)s::bigint
"""

_NETS = """
with nets as (
    select g.account_code, coalesce(c.account_name, g.account_code) as account_name,
           coalesce(c.type, 'asset') as type, g.currency, sum(g.debits - g.credits) as net
    from {schema}.general_ledger g
    left join {schema}.chart_of_accounts c on c.account_code = g.account_code
    where g.effective_day < %(day_before)s
      and (%(account_code)s::text is null or g.account_code = %(account_code)s)
      and (%(currency)s::text is null or g.currency = %(currency)s)
    group by g.account_code, c.account_name, c.type, g.currency
)
"""

TRIAL_BALANCE = f"""
{_NETS}
select account_code, account_name, type, currency, greatest(net, 0) as debit, greatest(-net, 0) as credit
from nets order by account_code, currency limit %(limit)s::bigint
"""

TRIAL_BALANCE_GROUPS = f"""
{_NETS}
select case %(group_by)s::text when 'type' then type else '' end as type, currency,
       sum(greatest(net, 0)) as debit, sum(greatest(-net, 0)) as credit
from nets group by 1, 2 order by 1, 2 limit %(limit)s::bigint
"""
