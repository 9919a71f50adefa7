"""`daybook migrate`, `token` and `replay`: what operators do to a database."""

import asyncio
from functools import partial
from typing import Annotated

import httpx
from cyclopts import Parameter

from api.command_line.database import choose_tenant, open_database, open_ledger, open_services
from api.command_line.exits import CommandFailed, Exit
from api.command_line.options import (
    ANY_DATABASE,
    ANY_TENANT,
    AsJson,
    InDatabase,
    OfTenant,
    settings_from,
)
from api.command_line.printing import console, print_json, progress_bar, table
from application.access import ALL_ROLES, ALL_SCOPES
from application.chart_of_accounts import AddAccountCodes, add_account_codes
from application.writer import Origin
from domain.chart_of_accounts import INITIAL
from infrastructure.database import connect_owner
from infrastructure.sandbox import SANDBOX_TENANT
from infrastructure.tenants import create_tenant, list_tenants, prepare_database
from projections.comparison import TableComparison
from projections.rebuild import RebuildReport, RebuildRunning, rebuild

MIGRATING = Origin("migrate", "chart-of-accounts")


def migrate(
    *,
    tenant: Annotated[str | None, Parameter(help="make this bank, where there is none of that name")] = None,
    json: AsJson = False,
    database: InDatabase = ANY_DATABASE,
) -> int:
    """Bring the database up to date, and make a tenant with its chart of accounts. Changes nothing twice."""
    settings = settings_from(database)
    with open_database(settings, create=True) as opened:
        ran = prepare_database(opened.owner_dsn)
        if tenant is not None:
            create_tenant(opened.owner_dsn, tenant)

            async def fill() -> None:
                async with open_ledger(opened, tenant) as ledger:
                    await ledger.execute(add_account_codes, AddAccountCodes(INITIAL), MIGRATING)

            asyncio.run(fill())
        tenants = list_tenants(opened.dsn)
    if json:
        print_json({"migrations": ran, "tenants": list(tenants)})
    else:
        print(f"{len(ran)} migrations ran. Tenants: {', '.join(tenants) or 'none yet'}")
    return Exit.OK


def token(
    *,
    subject: Annotated[str, Parameter(help="whose token it is")] = "user_demo",
    scope: Annotated[str | None, Parameter(help="scopes, separated by blanks (default: all)")] = None,
    role: Annotated[
        tuple[str, ...] | None, Parameter(help="a role; may be given again (default: all)")
    ] = None,
    client_id: Annotated[str, Parameter(help="the OAuth client that it stands for")] = "sandbox",
    expires_in: Annotated[int, Parameter(help="seconds that it lives")] = 3600,
    url: Annotated[str | None, Parameter(help="a running sandbox to ask instead of a database")] = None,
    json: AsJson = False,
    of: OfTenant = ANY_TENANT,
) -> int:
    """Print an access token: signed with the database's keys, or by a running sandbox."""
    if not 1 <= expires_in <= 10 * 365 * 86400:
        raise CommandFailed("--expires-in must be 1 second to 10 years", Exit.WRONG_USAGE)
    if url is not None:
        wanted = {
            "subject": subject,
            "client_id": client_id,
            "scope": scope,
            "roles": role,
            "tenant": of.tenant or SANDBOX_TENANT,
            "expires_in": expires_in,
        }
        issued = _from_sandbox(url, {name: value for name, value in wanted.items() if value is not None})
    else:
        issued = _from_database(of, subject, client_id, scope, role, expires_in)
    if json:
        print_json({"access_token": issued, "token_type": "Bearer", "expires_in": expires_in})
    else:
        print(issued)
    return Exit.OK


def _from_sandbox(url: str, wanted: dict[str, object]) -> str:
    try:
        response = httpx.post(f"{url.rstrip('/')}/sandbox/tokens", json=wanted, timeout=30)
    except (httpx.UnsupportedProtocol, httpx.InvalidURL) as error:
        raise CommandFailed(f"{url!r} is no URL of a service", Exit.WRONG_USAGE) from error
    if response.status_code == httpx.codes.NOT_FOUND:
        raise CommandFailed(f"{url} is no sandbox", Exit.WRONG_USAGE)
    if response.status_code != httpx.codes.OK:
        raise CommandFailed(f"{url} answered {response.status_code}: {response.text}", Exit.UNAVAILABLE)
    return str(response.json()["access_token"])


def _from_database(
    of: OfTenant,
    subject: str,
    client_id: str,
    scope: str | None,
    roles: tuple[str, ...] | None,
    expires_in: int,
) -> str:
    async def issue() -> str:
        tenant, _ = choose_tenant(opened, of.tenant)
        async with open_services(opened) as services:
            return services.tokens.issue(
                subject=subject,
                client_id=client_id,
                scopes=ALL_SCOPES if scope is None else frozenset(scope.split()),
                roles=ALL_ROLES if roles is None else frozenset(roles),
                tenant=tenant,
                lifetime_seconds=expires_in,
                now=services.clock.now(),
            )

    with open_database(settings_from(of)) as opened:
        return asyncio.run(issue())


def replay(
    *,
    switch_if_different: Annotated[
        bool, Parameter(negative="", help="put the rebuilt tables in place also where they differ")
    ] = False,
    json: AsJson = False,
    of: OfTenant = ANY_TENANT,
) -> int:
    """Rebuild the read models from the events, compare, and switch. Exit code 1 where they differ."""
    with open_database(settings_from(of)) as opened:
        _, schema = choose_tenant(opened, of.tenant)
        try:
            with progress_bar("Replaying events") as progress:
                report = rebuild(
                    partial(connect_owner, opened.owner_dsn),
                    schema,
                    progress=progress,
                    switch_if_different=switch_if_different,
                )
        except RebuildRunning:
            raise CommandFailed(
                "another process is rebuilding read models of this database", Exit.UNAVAILABLE
            ) from None
    if json:
        print_json(_content(report))
    else:
        _print(report)
    return Exit.CHECK_FAILED if report.differences else Exit.OK


def _content(report: RebuildReport) -> dict[str, object]:
    return {
        "position": report.position,
        "events": report.events,
        "seconds": round(report.seconds, 3),
        "events_per_second": round(report.events_per_second),
        "is_compared": bool(report.comparisons),
        "is_equal": not report.differences,
        "is_switched": report.is_switched,
        "tables": [
            {
                "table": comparison.table,
                "is_equal": comparison.is_equal,
                "live": {"rows": comparison.live.rows, "digest": str(comparison.live.hash_sum)},
                "rebuilt": {"rows": comparison.rebuilt.rows, "digest": str(comparison.rebuilt.hash_sum)},
                "only_live": comparison.only_live,
                "only_rebuilt": comparison.only_rebuilt,
            }
            for comparison in report.comparisons
        ],
    }


def _print(report: RebuildReport) -> None:
    output = console()
    rate = f"{report.events_per_second:,.0f} events a second"
    output.print(f"Replayed {report.events:,} events in {report.seconds:.1f} s, {rate}.")
    if not report.comparisons:
        output.print("The live tables were lost or stood still, so there was nothing to compare with.")
    else:
        rows = [_row(comparison) for comparison in report.comparisons]
        output.print(table(("Table", ">Rows", ">Digest", "Rebuilt"), rows))
    for comparison in report.differences:
        for label, lines in (("only live", comparison.only_live), ("only rebuilt", comparison.only_rebuilt)):
            for line in lines:
                output.print(f"{comparison.table}, {label}: {line}", markup=False)
    switched = "are in place" if report.is_switched else "were thrown away: the live ones stay as they are"
    output.print(f"At position {report.position:,}. The rebuilt tables {switched}.")


def _row(comparison: TableComparison) -> tuple[str, str, str, str]:
    if comparison.is_equal:
        verdict = "equal"
    else:
        verdict = (
            f"[bold red]differs[/]: {comparison.rebuilt.rows} rows, {_digest(comparison.rebuilt.hash_sum)}"
        )
    return comparison.table, f"{comparison.live.rows:,}", _digest(comparison.live.hash_sum), verdict


def _digest(hash_sum: int) -> str:
    return f"{hash_sum % 2**64:016x}"
