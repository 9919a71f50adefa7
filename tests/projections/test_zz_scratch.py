import time
from datetime import date
from projections import transaction_pages
from projections.transaction_pages import Wanted
from tests.projections.conftest import Tenant, answer

def test_speed(tenant: Tenant) -> None:
    tenant.owner.autocommit = True
    s = tenant.schema
    tenant.owner.execute(f"""insert into {s}.transactions (position, created_at, effective_date, transaction_id, account_id, to_account_id, type, direction, status, source, currency, amount, value, description)
     select i, timestamptz '2024-01-01T00:00Z' + i * interval '30 seconds', date '2024-01-01' + (i/2880)::int, 'txn_' || i, 'acct_' || (case when i % 10 = 0 then 1 else i % 10000 end), case when i % 3 = 0 then 'acct_' || ((i+1) % 10000) end, case when i%3=0 then 'transfer' else 'deposit' end, 'credit', case when i % 1000 = 0 then 'failed' else 'completed' end, 'transfers', 'USD', i::bigint*7919 % 100000, (i::bigint*7919 % 100000) * 0.01, '' from generate_series(1, 1000000) i""".encode())
    tenant.owner.execute(f"""insert into {s}.transaction_counts select (created_at at time zone 'UTC')::date, type, status, source, currency, count(*) from {s}.transactions group by 1,2,3,4,5""".encode())
    tenant.owner.execute(f"analyze {s}.transactions".encode())
    for name, wanted, how in [
        ("first", Wanted(), {}), ("deep", Wanted(), {"offset": 900_000}), ("asc deep", Wanted(), {"offset": 500_000, "is_descending": False}),
        ("failed", Wanted(status="failed"), {}), ("failed deep", Wanted(status="failed"), {"offset": 900}),
        ("type day", Wanted(type="transfer", first_day=date(2024, 3, 1), last_day=date(2024, 3, 31)), {}),
        ("amount", Wanted(), {"sort": "amount"}), ("amount deep", Wanted(), {"sort": "amount", "offset": 500_000}), ("effective", Wanted(), {"sort": "effective_date"}),
        ("account", Wanted(account_id="acct_77"), {}), ("account amount", Wanted(account_id="acct_77"), {"sort": "amount"}),
        ("hot account", Wanted(account_id="acct_1"), {}), ("hot deep", Wanted(account_id="acct_1"), {"offset": 90_000}), ("hot amount", Wanted(account_id="acct_1"), {"sort": "amount"}),
    ]:
        args = {"sort": "created_at", "is_descending": True, "limit": 50, "offset": 0, **how}
        for _ in range(7):
            t = time.perf_counter(); p = answer(transaction_pages.page(tenant.fetch, wanted, **args)); t = time.perf_counter() - t
        print(f"{name:16} {t*1000:8.1f} ms total={p.total} rows={len(p.transactions)}")
    size = tenant.rows(f"select pg_total_relation_size('{s}.transactions')")
    print(size)
