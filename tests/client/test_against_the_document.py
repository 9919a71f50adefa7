"""The client asks for what the OpenAPI document describes, all of it, and reads all that it promises."""

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from types import ModuleType
from typing import Any

import jsonschema_rs
import msgspec
import pytest
from litestar import Litestar

from api.app import ROUTES
from api.exchange import encode
from api.openapi import document
from api.sandbox import ROUTES as SANDBOX_ROUTES
from daybook_client import Call, back_office, card_administration, cards, ledger, sandbox, transfers
from daybook_client.calls import money
from daybook_client.card_administration import Limits

NOON = datetime(2025, 10, 20, 12, tzinfo=UTC)
DAY = date(2025, 10, 20)
LIMITS: Limits = {"transactionLimit": "500.00", "dailyLimit": "1000.00", "monthlyLimit": Decimal("5000.00")}
PAGES: Any = {"sort": "created_at", "order": "asc", "limit": 10}

# Each function with all that it takes, so that all of it is compared with the document.
CALLS: list[Call[Any]] = [
    transfers.create_internal("test_checking_123", "test_savings_456", "1.00", memo="x", idempotency_key="k"),
    transfers.create_interbank(
        "test_checking_123",
        Decimal("1.00"),
        external_bank_name="Bank",
        external_routing_number="123456789",
        external_account_number="9876543210",
        external_account_holder_name="Somebody",
        memo="x",
    ),
    transfers.list_transfers(status="pending", type="internal", limit=10),
    transfers.show("tx_1").after(5),
    transfers.cancel("tx_1"),
    transfers.verify_mfa("tx_1", "123456"),
    transfers.balance("test_checking_123"),
    cards.authorize(
        pan_hash="sandbox-long",
        expiry_date="12/35",
        merchant_id="M1",
        merchant_name="Shop",
        channel="POS",
        mcc="5411",
        country_code="USA",
        transaction_type="PURCHASE",
        amount="1.00",
        currency="USD",
        masked_pan="411111******1114",
        timestamp=NOON,
    ),
    cards.decision(1),
    cards.latest_decision(1),
    cards.complete_challenge(1, "SUCCESS", authentication_value="v", eci="05", cavv="c", xid="x"),
    cards.reverse(1, "r"),
    cards.list_holds(321654987, status="ACTIVE", from_date=DAY, to_date=DAY, size=5),
    cards.hold(1),
    cards.capture(1, 5, "USD", reference="r", final=False),
    cards.release(1, "r"),
    card_administration.list_cards("321654987", size=5),
    card_administration.issue(
        account_id=321654987,
        pan_hash="another-hash-of-a-number",
        masked_pan="411111******1119",
        expiry_date="12/35",
        limits=LIMITS,
        channel_limits={"ATM": {"dailyLimit": 100}},
    ),
    card_administration.show(1),
    card_administration.set_status(1, "BLOCKED", reason="r"),
    card_administration.limits(1),
    card_administration.change_limits(1, {"dailyLimit": 5}, channel_limits={"ATM": None}),
    card_administration.list_overrides(1, include_expired=True, size=5),
    card_administration.override(1, {"dailyLimit": "9.00"}, reason="r", expires_at=NOON),
    card_administration.delete_override(1),
    card_administration.spending(1, from_date=DAY, to_date=DAY),
    card_administration.list_webhooks(size=5),
    card_administration.subscribe("http://127.0.0.1:9/x", ["LIMIT_BREACH"], "s"),
    card_administration.show_webhook("webhook-1"),
    card_administration.delete_webhook("webhook-1"),
    back_office.accounts.list_accounts(
        customer_id="user_demo", account_type="checking", currency="USD", status="active", **PAGES
    ),
    back_office.accounts.create(
        "user_demo", "savings", currency="USD", overdraft_limit="5.00", nickname="n"
    ),
    back_office.accounts.show("test_checking_123"),
    back_office.accounts.change("a", nickname="n", overdraft_limit=0, status="frozen", reason="r"),
    back_office.accounts.close("a", reason="r"),
    back_office.audit_log.list_calls(
        client_id="c", subject="s", request_id="r", status=200, date_from=DAY, date_to=NOON,
        sort="timestamp", order="asc", limit=5,
    ),
    back_office.oauth_clients.list_clients(**PAGES),
    back_office.oauth_clients.register(
        "n", ["banking.read"], grant_types=["client_credentials"], redirect_uris=[],
        require_signing=True, ip_allowlist=["10.0.0.0/8"],
    ),
    back_office.oauth_clients.show("c"),
    back_office.oauth_clients.change(
        "c", name="n", scopes=["banking.read"], grant_types=["client_credentials"], redirect_uris=[],
        require_signing=False, ip_allowlist=[],
    ),
    back_office.oauth_clients.delete("c"),
    back_office.oauth_clients.rotate_api_key("c", "primary", scopes=["banking.read"]),
    back_office.reports.daily(DAY),
    back_office.reports.monthly("2025-10"),
    back_office.reports.custom(
        "movements", DAY, DAY, group_by="day", filters={"currency": "USD"}
    ),
    back_office.reports.job("rpt_1"),
    back_office.reports.result("rpt_1"),
    back_office.transactions.post(
        "transfer", "a", "1.00", to_account_id="b", currency="USD", description="d", effective_date=DAY
    ),
    back_office.transactions.post_batch(
        [back_office.transactions.terms("adjustment", "a", 1, direction="debit")], atomic=True
    ),
    back_office.transactions.list_transactions(
        account_id="a", type="deposit", status="completed", currency="USD", source="back_office",
        date_from=DAY, date_to=DAY, **PAGES,
    ),
    back_office.transactions.show("txn_1"),
    back_office.transactions.reverse("txn_1", reason="r"),
    back_office.users.list_users(
        role="teller", status="active", search="s", fields=["name", "email"], **PAGES
    ),
    back_office.users.create("n", "n@example.com", phone="+15551234567", role="teller"),
    back_office.users.show("u"),
    back_office.users.change(
        "u", name="n", email="n@example.com", phone="+15551234567", role="teller", status="inactive"
    ),
    back_office.users.deactivate("u"),
    back_office.users.erase("u"),
    back_office.users.start_password_reset("u"),
    back_office.users.set_password("t", "a-long-password"),
    back_office.users.second_factor("u"),
    back_office.users.enrol_second_factor("u"),
    back_office.users.confirm_second_factor("u", "123456"),
    back_office.users.remove_second_factor("u"),
    back_office.webhook_subscriptions.list_webhooks(**PAGES),
    back_office.webhook_subscriptions.subscribe("http://127.0.0.1:9/x", ["transfer.*"], "s", active=True),
    back_office.webhook_subscriptions.show("w"),
    back_office.webhook_subscriptions.change(
        "w", url="http://127.0.0.1:9/x", events=["user.*"], secret="s", active=False
    ),
    back_office.webhook_subscriptions.delete("w"),
    back_office.webhook_subscriptions.list_deliveries("w", status="pending", **PAGES),
    back_office.webhook_subscriptions.list_dead_letters(**PAGES),
    back_office.webhook_subscriptions.redeliver("d"),
    ledger.balance("a", effective_at=NOON, known_at=NOON),
    ledger.statement("a", since=NOON, until=NOON, limit=5),
    ledger.trial_balance(effective_at=NOON, known_at=NOON),
    ledger.events(after=0, stream="s-1", category="s", topic="t.t", since=NOON, until=NOON, limit=5),
    ledger.stream("account-a", at_version=1, at=NOON, after=0),
    ledger.journal(since=DAY, until=DAY, account_code="1000-CASH", after=0, limit=5),
    ledger.general_ledger(since=DAY, until=DAY, account_code="1000-CASH"),
    ledger.chart_of_accounts(),
    ledger.add_account_code("1001-PETTY", "Petty", "asset"),
    ledger.close_period("2025-09"),
    sandbox.token(subject="s", client_id="c", scope="transfers", roles=[], tenant="t", expires_in=5),
    sandbox.clock(),
    sandbox.advance_clock(5),
    sandbox.set_clock(NOON),
    sandbox.set_rate("USDC", "PKR", "280.75"),
    sandbox.reset(),
]  # fmt: skip
# In the document, and for browsers, operators or the client's own use.
NOT_FOR_CALLERS = ("OAuth", "Health", "Service")
MODULES: tuple[ModuleType, ...] = (
    transfers,
    cards,
    card_administration,
    ledger,
    sandbox,
    *(getattr(back_office, name) for name in back_office.__all__),
)


@pytest.fixture(scope="module")
def described() -> dict[str, Any]:
    content = document(Litestar([*ROUTES, *SANDBOX_ROUTES], openapi_config=None), is_sandbox=True)
    read: dict[str, Any] = json.loads(encode(content))
    return read


def operations(described: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), path, operation


@pytest.mark.parametrize("call", CALLS, ids=lambda call: f"{call.method} {call.route}")
def test_every_call_is_one_that_is_described(call: Call[Any], described: dict[str, Any]) -> None:
    """Its path, its parameters, and its body, which has no member that the service does not know."""
    operation = described["paths"][call.route][call.method.lower()]
    known = {(each["in"], each["name"]) for each in operation.get("parameters", [])}
    assert {("query", name) for name in call.query} <= known
    assert {("header", name) for name in call.headers} <= known
    assert "{" not in call.path
    if call.content is None:
        assert not operation.get("requestBody", {}).get("required", False)
        return
    schema = operation["requestBody"]["content"]["application/json"]["schema"]
    closed = {"unevaluatedProperties": False, "components": described["components"], **schema}
    jsonschema_rs.Draft202012Validator(closed).validate(json.loads(call.content))


def test_every_operation_can_be_called(described: dict[str, Any]) -> None:
    """Of every surface; what a new surface serves, a new module here asks for."""
    called = {(call.method, call.route) for call in CALLS}
    served = {
        (method, path)
        for method, path, operation in operations(described)
        if not set(operation["tags"]) & set(NOT_FOR_CALLERS)
    }
    assert served - called == set()


@pytest.mark.parametrize("call", CALLS, ids=lambda call: f"{call.method} {call.route}")
def test_every_documented_answer_is_read(call: Call[Any], described: dict[str, Any]) -> None:
    """The document's own examples, each member of them with its type."""
    answers = described["paths"][call.route][call.method.lower()]["responses"]
    for status, answer in answers.items():
        example = answer.get("content", {}).get("application/json", {}).get("example")
        if example is not None and (int(status) < 300 or int(status) in call.answers):
            call.read(json.dumps(example).encode())


def structs_of(module: ModuleType) -> Iterator[type[msgspec.Struct]]:
    for value in vars(module).values():
        is_struct = isinstance(value, type) and issubclass(value, msgspec.Struct)
        is_envelope = bool(getattr(value, "__parameters__", ()))
        if is_struct and value.__module__ == module.__name__ and not is_envelope:
            yield value


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__)
def test_what_the_client_reads_is_what_is_described(module: ModuleType, described: dict[str, Any]) -> None:
    """What a struct insists on is required in a schema, what it may have beside that is in a schema that has
    the same, and money is read as Decimal."""
    schemas = described["components"]["schemas"].values()
    for struct in structs_of(module):
        fields = msgspec.structs.fields(struct)
        insisted = {field.encode_name for field in fields if field.required}
        alike = [schema for schema in schemas if insisted <= set(schema.get("required", ()))]
        assert alike, struct.__name__
        known = {name for schema in alike for name in schema["properties"]}
        assert {field.encode_name for field in fields} <= known, struct.__name__
        assert not [field.name for field in fields if field.type in (float, float | None)], struct.__name__


def test_money_is_never_a_binary_fraction() -> None:
    """Nor anything else that is no amount."""
    assert [money(amount) for amount in (Decimal("1E+2"), Decimal("0.10"), 5, "7.50")] == [
        "100",
        "0.10",
        "5",
        "7.50",
    ]
    others: list[Any] = [0.1, True, None, b"1"]
    for wrong in others:
        with pytest.raises(TypeError):
            money(wrong)
    for endless in (Decimal("NaN"), Decimal("Infinity")):
        with pytest.raises(ValueError, match="is no amount"):
            money(endless)
