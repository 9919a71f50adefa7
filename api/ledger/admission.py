"""Who may read the ledger's surface, and what has to be settled before an answer is looked up."""

from api.context import HttpRequest, exchange_of, ledger_of, require_scope, wait_for_reads
from api.exchange import ApiError
from application.access import Claims
from infrastructure.ledgers import Ledger
from projections import account_directory

READ_SCOPES = ("audit.read", "gl.read")
WRITE_SCOPE = "gl.write"


async def admit_reader(request: HttpRequest) -> tuple[Claims, Ledger]:
    """The caller and its ledger, with the read models at what was written so far."""
    claims = exchange_of(request).caller
    require_scope(claims, *READ_SCOPES)
    ledger = await ledger_of(request, claims)
    await wait_for_reads(request, ledger)
    return claims, ledger


async def find_account(ledger: Ledger, identifier: str) -> str:
    """The id of the account that goes by any of its identifiers; 404 where there is none."""
    entry = await account_directory.resolve(ledger.fetch, identifier)
    if entry is None:
        raise ApiError(404, "account_not_found", "Account not found")
    return entry.account_id
