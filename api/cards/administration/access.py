"""Who may administer, and what has to be found before anything else: the card, the currency of its limits."""

from api.cards import fields
from api.context import HttpRequest, exchange_of, execute, ledger_of, require_scope, wait_for_reads
from application.cards import CurrencyOfCard, currency_of_card
from domain import errors
from infrastructure.ledgers import Ledger
from projections import card_directory
from projections.card_directory import CardView

CARDS_SCOPE = "cards.admin"
WEBHOOKS_SCOPE = "webhooks.admin"

CARDS, CARD = "/api/v1/admin/cards", "/api/v1/admin/cards/{cardId:str}"
OVERRIDE = "/api/v1/admin/limit-overrides/{overrideId:str}"
WEBHOOKS, WEBHOOK = "/api/v1/admin/webhooks", "/api/v1/admin/webhooks/{webhookId:str}"


async def admit(request: HttpRequest, scope: str = CARDS_SCOPE) -> Ledger:
    """The ledger of a caller who has the scope."""
    caller = exchange_of(request).caller
    require_scope(caller, scope)
    return await ledger_of(request, caller)


def card_id(request: HttpRequest) -> int:
    """The number in the path; 404 where it can be no card's."""
    return fields.path_id(request.path_params["cardId"], "Card")


async def read_card(request: HttpRequest, ledger: Ledger, number: int) -> CardView:
    """The card, with all that was written so far. Raises CardNotFound."""
    await wait_for_reads(request, ledger)
    found = await card_directory.by_id(ledger.fetch, number)
    if found is None:
        raise errors.CardNotFound(number)
    return found


async def currency_of(request: HttpRequest, ledger: Ledger, number: int) -> str:
    """What the card's limits are given in. Raises CardNotFound.

    Asked of the writer, not of a read model: so limits can be changed however far behind reads are.
    """
    currency: str = await execute(request, ledger, currency_of_card, CurrencyOfCard(number))
    return currency
