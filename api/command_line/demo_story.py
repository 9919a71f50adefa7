"""The demonstration's story: what a customer does with transfers, told request by request over HTTP."""

import json
from typing import Any

import httpx
from rich.console import Console

from api.command_line.exits import CommandFailed, Exit

CHECKING, SAVINGS = "test_checking_123", "test_savings_456"
MFA_CODE = "123456"
TOKEN_SECONDS = 7 * 86400
SETTLED_INTERNAL, SETTLED_INTERBANK = "2025-10-21T12:00:00Z", "2025-10-23T12:00:00Z"

_ELSEWHERE = {
    "external_bank_name": "Test Bank",
    "external_routing_number": "123456789",
    "external_account_number": "9876543210",
    "external_account_holder_name": "Test User",
}


class Story:
    """Each act is a request; an answer that is not the expected one ends the demonstration."""

    def __init__(self, url: str, output: Console) -> None:
        self._http = httpx.Client(base_url=url, timeout=30)
        self._output = output
        # By the ledger's clock, which this story moves by days.
        wanted = {"scope": "transfers", "expires_in": TOKEN_SECONDS}
        token = self._http.post("/sandbox/tokens", json=wanted).json()["access_token"]
        self._http.headers["Authorization"] = f"Bearer {token}"

    def close(self) -> None:
        self._http.close()

    def play(self) -> str:
        """Plays it to the end. Returns the id of the interbank transfer that settles."""
        self._output.print(f"{CHECKING} holds 10,000.00 and {SAVINGS} 5,000.00 when the story starts.\n")
        internal = self._internal("demo-rent", "250.00", 201)
        again = self._internal("demo-rent", "250.00", 200, "the same request again")
        self._check(again["id"] == internal["id"], "a duplicate gave another transfer")
        interbank = self._interbank("demo-vendor", "1000.00")
        self._refused_overdraft()
        confirmed = self._with_second_factor()
        cancelled = self._cancelled()
        failing = self._interbank("demo-failing", "100.00", routing="999999999")
        self._show_balance(CHECKING)
        self._move_clock(SETTLED_INTERNAL)
        self._move_clock(SETTLED_INTERBANK)
        for label, transfer, status in (
            ("the internal transfer", internal, "settled"),
            ("the interbank transfer", interbank, "settled"),
            ("the confirmed one", confirmed, "settled"),
            ("the regretted one", cancelled, "cancelled"),
            ("the one to a bank that is not there", failing, "failed"),
        ):
            self._status(label, transfer["id"], status)
        self._show_balance(CHECKING, "2745.00")
        self._show_balance(SAVINGS, "5250.00")
        return str(interbank["id"])

    def _internal(self, key: str, amount: str, status: int, remark: str = "") -> dict[str, Any]:
        label = f"internal transfer of {amount} to savings" + (f", {remark}" if remark else "")
        return self._create(
            label, {"to_account_id": SAVINGS, "transfer_type": "internal"}, key, amount, status
        )

    def _interbank(
        self, key: str, amount: str, *, routing: str = _ELSEWHERE["external_routing_number"]
    ) -> dict[str, Any]:
        body = {**_ELSEWHERE, "external_routing_number": routing, "transfer_type": "interbank"}
        return self._create(
            f"interbank transfer of {amount}, routing number {routing}", body, key, amount, 201
        )

    def _refused_overdraft(self) -> None:
        body = {"to_account_id": SAVINGS, "transfer_type": "internal"}
        self._create("internal transfer of 20000.00, more than there is", body, "demo-much", "20000.00", 400)

    def _with_second_factor(self) -> dict[str, Any]:
        transfer = self._interbank("demo-large", "6000.00")
        self._check(transfer["requires_mfa"], "a large transfer was not held for a second factor")
        path = f"/api/transfers-v2/{transfer['id']}"
        self._act("a wrong code", "PATCH", path, {"action": "verify_mfa", "mfa_code": "000000"}, 400)
        self._act("the right code", "PATCH", path, {"action": "verify_mfa", "mfa_code": MFA_CODE}, 200)
        return transfer

    def _cancelled(self) -> dict[str, Any]:
        transfer = self._internal("demo-cancelled", "100.00", 201, "soon regretted")
        self._act("cancel it", "PATCH", f"/api/transfers-v2/{transfer['id']}", {"action": "cancel"}, 200)
        return transfer

    def _create(self, label: str, body: dict[str, Any], key: str, amount: str, status: int) -> dict[str, Any]:
        body = {**body, "idempotency_key": key, "from_account_id": CHECKING, "amount": amount}
        answer = self._act(label, "POST", "/api/transfers-v2", body, status)
        transfer: dict[str, Any] = answer.get("transfer", {})
        return transfer

    def _act(
        self, label: str, method: str, path: str, body: dict[str, Any] | None, status: int
    ) -> dict[str, Any]:
        response = self._http.request(method, path, json=body)
        # Amounts stay as they are written: never a binary fraction.
        answer: dict[str, Any] = json.loads(response.text, parse_float=str)
        is_expected = response.status_code == status
        self._output.print(f"[bold]{label}[/]  [dim]{method} {path}[/]")
        colour = "green" if is_expected and status < 400 else "yellow" if is_expected else "bold red"
        self._output.print(f"  [{colour}]{response.status_code}[/] {_gist(answer)}")
        self._check(is_expected, f"{label}: {response.status_code} instead of {status}")
        return answer

    def _move_clock(self, instant: str) -> None:
        self._act(f"the clock moves to {instant}", "POST", "/sandbox/clock", {"set": instant}, 200)

    def _status(self, label: str, transfer_id: str, wanted: str) -> None:
        answer = self._act(label, "GET", f"/api/transfers-v2/{transfer_id}", None, 200)
        status = answer["transfer"]["status"]
        self._check(status == wanted, f"{transfer_id} is {status} instead of {wanted}")

    def _show_balance(self, account_id: str, wanted: str | None = None) -> None:
        path = f"/api/accounts/{account_id}/balance"
        answer = self._act("balance", "GET", path, None, 200)
        self._check(wanted in (None, answer["balance"]), f"{account_id} holds {answer['balance']}")

    def _check(self, is_right: bool, message: str) -> None:
        if not is_right:
            raise CommandFailed(f"the demonstration went wrong: {message}", Exit.CHECK_FAILED)


def _gist(answer: dict[str, Any]) -> str:
    """The few members of an answer that tell the story."""
    if "now" in answer:
        return f"everything that fell due until then is done: {answer['now'][:19]}Z"
    if "balance" in answer:
        return f"posted {answer['balance']}, available {answer['available_balance']}"
    if "error" in answer:
        return f"{answer['error']}. {answer.get('details', '')}".strip()
    transfer = answer.get("transfer", {})
    words = [transfer.get("id", ""), transfer.get("status", "")]
    if "scheduled_settlement_at" in transfer and transfer["status"] == "pending":
        words.append(f"settles at {transfer['scheduled_settlement_at']}")
    if "failure_reason" in transfer:
        words.append(str(transfer["failure_reason"]))
    return ", ".join(words) + (f". {answer['message']}" if "message" in answer else "")
