"""What callers do with the client on each surface, against the real service."""

import asyncio
import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from decimal import Decimal

import pytest

from daybook_client import (
    ApiKey,
    AsyncClient,
    BearerToken,
    Call,
    Client,
    ClientCredentials,
    Signing,
    back_office,
    card_administration,
    cards,
    errors,
    ledger,
    sandbox,
    transfers,
    webhooks,
)
from tests.sandbox_service import SandboxService
from tests.webhook_receiver import webhook_receiver

CHECKING, SAVINGS = "test_checking_123", "test_savings_456"
ADMIN = ClientCredentials("sandbox", "sandbox-secret")


@contextmanager
def caller(bank: SandboxService, scope: str | None = None) -> Iterator[Client]:
    """A client with a token for somebody."""
    with Client(bank.url) as anybody:
        token = anybody.send(sandbox.token(scope=scope))
    with Client(bank.url, BearerToken(token.access_token)) as client:
        yield client


def purchase(amount: str, channel: str = "POS", key: str | None = None) -> Call[cards.Decision]:
    return cards.authorize(
        pan_hash="sandbox-long",
        expiry_date="12/35",
        merchant_id="MERCH123456",
        merchant_name="Example Merchant",
        channel=channel,
        mcc="5411",
        country_code="USA",
        transaction_type="PURCHASE",
        amount=amount,
        currency="USD",
        idempotency_key=key,
    )


def test_a_transfer_from_its_creation_to_its_settlement(bank: SandboxService) -> None:
    """Sent twice it is one; amounts come back with the digits that they were written with."""
    with caller(bank, scope="transfers") as demo:
        call = transfers.create_internal(CHECKING, SAVINGS, Decimal("125.50"), memo="Rent")
        created = demo.send(call)
        assert (created.transfer.status, str(created.transfer.amount)) == ("pending", "125.50")
        assert demo.position is not None
        again = demo.send(call)
        assert (again.transfer.id, again.message) == (
            created.transfer.id,
            "Transfer already exists (idempotent request)",
        )
        shown = demo.send(transfers.show(created.transfer.id).after(demo.position))
        assert [hold.amount for hold in shown.holds] == [Decimal("125.50")]
        balance = demo.send(transfers.balance(CHECKING))
        assert str(balance.available_balance) == "9874.50"
        demo.send(sandbox.set_clock(created.transfer.scheduled_settlement_at))
    with caller(bank, scope="transfers") as demo:
        assert demo.send(transfers.show(created.transfer.id)).transfer.status == "settled"


def test_lists_are_read_to_their_end_page_by_page(bank: SandboxService) -> None:
    """Each row once, in order, and no more pages than were looked at."""
    with caller(bank, scope="transfers") as demo:
        ids = [
            demo.send(transfers.create_internal(CHECKING, SAVINGS, cents)).transfer.id
            for cents in ("1.00", "2.00", "3.00", "4.00", "5.00")
        ]
        listing = transfers.list_transfers(limit=2)
        assert [transfer.id for transfer in demo.each(listing)] == ids[::-1]
        first = list(itertools.islice(demo.each(listing), 2))
        assert [transfer.id for transfer in first] == ids[:-3:-1]


def test_many_at_once_with_asyncio(bank: SandboxService) -> None:
    """The same calls, one token, and lists with `async for`."""

    async def pay() -> tuple[list[str], list[str]]:
        async with AsyncClient(bank.url) as anybody:
            token = await anybody.send(sandbox.token(scope="transfers"))
        async with AsyncClient(bank.url, BearerToken(token.access_token)) as demo:
            calls = [transfers.create_internal(CHECKING, SAVINGS, cents) for cents in range(1, 6)]
            created = await asyncio.gather(*(demo.send(call) for call in calls))
            listed = [transfer.id async for transfer in demo.each(transfers.list_transfers(limit=2))]
            with pytest.raises(errors.NotFound):
                await demo.send(transfers.show("tx_of_nobody"))
            return [each.transfer.id for each in created], listed

    created, listed = asyncio.run(pay())
    assert sorted(created) == sorted(listed)


def test_a_card_payment_and_what_becomes_of_its_hold(bank: SandboxService) -> None:
    """A decline is an answer, not an error."""
    with caller(bank) as issuer:
        decision = issuer.send(purchase("100.00", key="first"))
        assert decision.is_approved
        assert issuer.send(purchase("100.00", key="first")) == decision
        assert decision.hold_id is not None
        part = issuer.send(cards.capture(decision.hold_id, "40.00", "USD", final=False))
        assert (part.status, part.captured_amount) == ("ACTIVE", Decimal("40.00"))
        released = issuer.send(cards.release(decision.hold_id, "not delivered"))
        assert released.posted_balance == Decimal("9960.00")
        declined = issuer.send(purchase("9999999.00"))
        assert (declined.decision, declined.hold_id) == ("DECLINED", None)
        assert issuer.send(cards.latest_decision(declined.request_id)) == declined
        for _ in range(3):
            assert issuer.send(purchase("1.00")).is_approved
        listed = [hold.hold_id for hold in issuer.each(cards.list_holds(321654987, size=1))]
        assert len(listed) == len(set(listed)) == 4
        limits = issuer.send(card_administration.limits(789123459))
        changed = issuer.send(
            card_administration.change_limits(789123459, {"dailyLimit": limits.daily_limit - 1})
        )
        assert changed.daily_limit == limits.daily_limit - 1
        assert changed.transaction_limit == limits.transaction_limit
        with pytest.raises(errors.Conflict):
            issuer.send(cards.capture(decision.hold_id, "1.00", "USD"))


def test_the_back_office_from_a_customer_to_the_books(bank: SandboxService) -> None:
    """Opened, paid in, refused, reversed; the ledger shows it, and balances."""
    with Client(bank.url, ADMIN) as office:
        user = office.send(back_office.users.create("Ada Example", "ada@example.com"))
        account = office.send(back_office.accounts.create(user.id, "checking", nickname="Daily"))
        deposit = office.send(back_office.transactions.post("deposit", account.id, "250.00"))
        assert (deposit.status, str(deposit.amount)) == ("completed", "250.00")
        assert str(office.send(back_office.accounts.show(account.id)).balance) == "250.00"
        with pytest.raises(errors.Unprocessable) as refusal:
            office.send(back_office.transactions.post("withdrawal", account.id, "250.01"))
        assert refusal.value.code == "INSUFFICIENT_FUNDS"
        assert refusal.value.request_id
        reversal = office.send(back_office.transactions.reverse(deposit.id, reason="wrong account"))
        assert reversal.reversal_of == deposit.id
        listing = back_office.transactions.list_transactions(account_id=account.id, limit=1)
        statuses = [transaction.status for transaction in office.each(listing)]
        assert sorted(statuses) == ["completed", "completed", "failed"]
        books = office.send(ledger.trial_balance())
        assert all(total.debit == total.credit for total in books.totals)
        events = list(office.each(ledger.events(stream=f"account-{account.id}", limit=1)))
        assert [event.version for event in events] == list(range(1, len(events) + 1))
        assert len(events) >= 3
        balance = office.send(ledger.balance(account.id, effective_at=deposit.created_at - timedelta(days=1)))
        assert balance.posted == 0


def test_a_large_batch_and_a_report_on_it(bank: SandboxService) -> None:
    with Client(bank.url, ADMIN) as office:
        deposits = [back_office.transactions.terms("deposit", CHECKING, f"{n}.25") for n in range(1, 4)]
        batch = office.send(back_office.transactions.post_batch(deposits, atomic=True))
        assert (batch.posted, batch.failed) == (3, 0)
        today = office.send(sandbox.clock()).now.date()
        report = office.send(back_office.reports.daily(today))
        usd = next(each for each in report.currencies if each.currency == "USD")
        deposited = next(movement for movement in usd.movements if movement.type == "deposit")
        assert deposited.amount >= Decimal("6.75")
        custom = office.send(back_office.reports.custom("movements", today, today, group_by="day"))
        assert isinstance(custom, back_office.reports.Report)
        assert custom.row_count == len(custom.rows) > 0
        assert not [cell for row in custom.rows for cell in row if isinstance(cell, float)]


def test_refusals_are_told_apart_by_their_kind(bank: SandboxService) -> None:
    """On every surface, whatever its errors look like."""
    with caller(bank) as demo, Client(bank.url) as nobody, caller(bank, scope="transfers") as narrow:
        with pytest.raises(errors.Unauthorized):
            nobody.send(transfers.list_transfers())
        with pytest.raises(errors.Forbidden) as forbidden:
            narrow.send(back_office.users.list_users())
        assert forbidden.value.code == "FORBIDDEN"
        with pytest.raises(errors.BadRequest) as wrong:
            demo.send(back_office.users.create("", "nobody@example.com"))
        assert (wrong.value.code, wrong.value.field) == ("INVALID_REQUEST", "name")
        with pytest.raises(errors.BadRequest) as short:
            demo.send(transfers.create_internal(CHECKING, SAVINGS, "20000.00"))
        assert short.value.code == "insufficient_balance"
        assert short.value.details["available_balance"] == Decimal("10000.00")
        with pytest.raises(errors.BadRequest) as card:
            demo.send(purchase("-1"))
        assert card.value.field == "amount"
        with pytest.raises(errors.NotFound) as missing:
            demo.send(ledger.balance("no-such-account"))
        assert missing.value.code == "account_not_found"
        demo.send(transfers.create_internal(CHECKING, SAVINGS, 1, idempotency_key="same"))
        with pytest.raises(errors.Conflict):
            demo.send(transfers.create_internal(CHECKING, SAVINGS, 2, idempotency_key="same"))


def test_a_token_is_asked_for_and_again_when_it_has_ended(bank: SandboxService) -> None:
    """By the ledger's clock, which the client does not know: what is refused is sent again with a new one."""
    with Client(bank.url, ADMIN) as office:
        assert office.send(back_office.users.show("user_demo")).id == "user_demo"
        office.send(sandbox.advance_clock(2 * 3600))
        assert office.send(back_office.users.show("user_demo")).id == "user_demo"
    with Client(bank.url, ClientCredentials("sandbox", "not-the-secret")) as stranger:
        with pytest.raises(errors.Unauthorized) as refusal:
            stranger.send(back_office.users.show("user_demo"))
        assert refusal.value.code == "invalid_client"


def test_signed_requests_and_api_keys(bank: SandboxService) -> None:
    """A client that has to sign gets in with its signature, with a token or a key, and not without."""
    with Client(bank.url, ADMIN) as office:
        registered = office.send(
            back_office.oauth_clients.register("Signer", ["banking.read"], require_signing=True)
        )
        key = office.send(back_office.oauth_clients.rotate_api_key(registered.client_id, "primary"))
        now = office.send(sandbox.clock()).now.timestamp()
    assert registered.client_secret is not None
    assert registered.signing_secret is not None
    credentials = ClientCredentials(registered.client_id, registered.client_secret)
    signing = Signing(registered.signing_secret, now=lambda: now)
    listing = back_office.users.list_users(role="customer", limit=1)
    for who in (credentials, ApiKey(key.api_key)):
        with Client(bank.url, who, signing=signing) as signer:
            assert len({user.id for user in signer.each(listing)}) >= 2
        with Client(bank.url, who) as unsigned, pytest.raises(errors.Unauthorized) as refusal:
            unsigned.send(listing)
        assert refusal.value.code == "INVALID_SIGNATURE"


def test_messages_are_known_by_their_signatures(bank: SandboxService) -> None:
    """Those of the back office and those of cards, as they come; each altered byte is noticed."""
    with webhook_receiver() as receiver, caller(bank) as demo:
        hooks = back_office.webhook_subscriptions
        demo.send(hooks.subscribe(f"{receiver.url}/office", ["transfer.created"], "office-secret"))
        demo.send(
            card_administration.subscribe(f"{receiver.url}/cards", ["AUTHORIZATION_DECISION"], "card-secret")
        )
        created = demo.send(transfers.create_internal(CHECKING, SAVINGS, "12.30"))
        decision = demo.send(purchase("45.60"))
        by_path = {each.path.rpartition("/")[2]: each for each in receiver.wait_for(2)}
        office, card = by_path["office"], by_path["cards"]
        event = webhooks.verify_back_office(office.body, office.headers, "office-secret")
        assert (event.event, event.data["transfer_id"]) == ("transfer.created", created.transfer.id)
        assert str(event.data["amount"]) == "12.30"
        announced = webhooks.verify_cards(card.body, card.headers, ["new-secret", "card-secret"])
        assert announced.data["decisionId"] == decision.decision_id
        assert announced.id == card.headers["X-Webhook-Id"]
        for verify, message, secret in (
            (webhooks.verify_back_office, office, "office-secret"),
            (webhooks.verify_cards, card, "card-secret"),
        ):
            for body, tried in (
                (message.body, "another"),
                (message.body, ""),
                (message.body.replace(b"0", b"1", 1), secret),
                (message.body + b" ", secret),
                (b"", secret),
            ):
                with pytest.raises(errors.InvalidWebhook):
                    verify(body, message.headers, tried)
        with pytest.raises(errors.InvalidWebhook):
            webhooks.verify_cards(card.body, {}, "card-secret")
        with pytest.raises(errors.InvalidWebhook):
            webhooks.verify_back_office(card.body, card.headers, "card-secret")
