"""`daybook prune-audit-log`: what is kept of the audit log."""

from datetime import UTC, datetime
from typing import Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

from api.command_line.database import open_database
from api.command_line.exits import Exit
from api.command_line.options import ANY_DATABASE, AsJson, InDatabase, settings_from
from api.command_line.printing import print_json
from infrastructure.audit_log_retention import drop_months
from infrastructure.clocks import SandboxClock


def prune_audit_log(
    *,
    keep_months: Annotated[
        int, Parameter(validator=Number(gte=1, lte=1200), help="how many months before this one stay")
    ],
    json: AsJson = False,
    database: InDatabase = ANY_DATABASE,
) -> int:
    """Drop the audit log of all older months, as the owner of the database. Running services go on."""
    with open_database(settings_from(database)) as opened:
        now = datetime.now(UTC)
        if opened.settings.sandbox:
            now = SandboxClock(opened.settings.data / "sandbox-clock").now()
        dropped = drop_months(opened.owner_dsn, keep_months, now.date())
    if json:
        print_json({"dropped": dropped})
    else:
        print(f"Dropped: {', '.join(dropped) or 'nothing, no month is older'}")
    return Exit.OK
