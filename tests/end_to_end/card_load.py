"""Clients of the cards surface that do whatever comes to their minds, each request until it is answered."""

import random
import threading
import time
from collections import Counter
from collections.abc import Sequence
from types import TracebackType
from typing import Any, NamedTuple

import httpx

from tests.api.card_requests import ADMIN, AUTHORIZATIONS, HOLDS, Plastic, limits_of, purchase

PATIENCE_SECONDS = 90
# Far beyond any move of the clock.
OVERRIDE_ENDS = "2030-01-01T00:00:00Z"
LIMITS = (
    limits_of(60, 150, 900),
    limits_of(100, 250, 1500, E_COMMERCE=(80, 120)),
    limits_of(100, 1000, 5000, ATM=(20, 60), E_COMMERCE=None),
)


class Act(NamedTuple):
    """One request and the statuses that may answer it."""

    name: str
    method: str
    path: str
    body: dict[str, Any] | None
    expected: frozenset[int]


class CardClients:
    """Threads on all addresses at once, on the same few cards, authorizations and holds.

    A request that is not answered is sent again under its key, and one in five that was is sent again to
    another process: it must be answered the same.
    """

    def __init__(self, urls: Sequence[str], token: str, cards: Sequence[Plastic], threads: int = 6) -> None:
        self._urls = urls
        self._headers = {"Authorization": f"Bearer {token}"}
        self._cards = cards
        self._stopped = threading.Event()
        self._lock = threading.Lock()
        self._approved: list[int] = []
        self._challenged: list[int] = []
        self._overrides: list[int] = []
        self.answers: Counter[tuple[str, int]] = Counter()
        self.failures: list[str] = []
        self._threads = [
            threading.Thread(target=self._act_all_the_time, args=(number,), daemon=True)
            for number in range(threads)
        ]

    def __enter__(self) -> "CardClients":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stopped.set()
        for thread in self._threads:
            thread.join()

    def wait_for(self, more: int) -> None:
        """Until that many more requests were answered."""
        wanted = self.answers.total() + more
        deadline = time.monotonic() + PATIENCE_SECONDS
        while self.answers.total() < wanted:
            assert not self.failures, self.failures
            assert time.monotonic() < deadline, f"only {self.answers.total()} of {wanted} were answered"
            time.sleep(0.01)

    def _act_all_the_time(self, number: int) -> None:
        chance, count = random.Random(number), 0
        with httpx.Client(timeout=30, headers=self._headers) as http:
            while not self._stopped.is_set():
                count += 1
                act, key = self._choose(chance), f"{number}-{count}"
                try:
                    self._carry_out(http, chance, act, key)
                except Exception as failure:
                    # Reported where the test waits: a thread's own exception reaches nobody.
                    self.failures.append(f"{act}: {failure!r}")
                    self._stopped.set()

    def _carry_out(self, http: httpx.Client, chance: random.Random, act: Act, key: str) -> None:
        first = self._send(http, chance, act, key)
        if first is None:
            return
        assert first.status_code in act.expected, f"{first.status_code} {first.text}"
        if chance.random() < 0.2:
            again = self._send(http, chance, act, key)
            if again is not None:
                assert _outcome(again) == _outcome(first), f"{first.text} became {again.text}"
        with self._lock:
            self.answers[act.name, first.status_code] += 1
            self._remember(act, first)

    def _send(self, http: httpx.Client, chance: random.Random, act: Act, key: str) -> httpx.Response | None:
        """The final answer; None where the end came first."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            url = chance.choice(self._urls) + chance.choice(("", "/card-authorization")) + act.path
            response = http.request(act.method, url, json=act.body, headers={"Idempotency-Key": key})
            if response.status_code != httpx.codes.SERVICE_UNAVAILABLE:
                return response
            if self._stopped.is_set():
                return None
            time.sleep(0.05)
        raise TimeoutError(act.name)

    def _remember(self, act: Act, response: httpx.Response) -> None:
        if act.name == "override":
            self._overrides.append(response.json()["id"])
        elif act.name in ("authorize", "complete") and response.status_code < 300:
            answer = response.json()
            if "holdId" in answer:
                self._approved.append(answer["requestId"])
            elif answer["decision"] == "CHALLENGE":
                self._challenged.append(answer["requestId"])

    # What comes to their minds

    def _choose(self, chance: random.Random) -> Act:
        with self._lock:
            approved, challenged = self._approved[-20:], self._challenged[-3:]
            overrides = self._overrides[-3:]
        kinds = ["authorize"] * 8 + ["administer"]
        kinds += ["settle"] * 6 if approved else []
        kinds += ["complete"] if challenged else []
        match chance.choice(kinds):
            case "settle":
                return _settlement(chance, chance.choice(approved))
            case "complete":
                result = chance.choice(("SUCCESS", "SUCCESS", "FAILURE"))
                path = f"{AUTHORIZATIONS}/{chance.choice(challenged)}/challenge-complete"
                body = {"authenticationResult": result}
                return Act("complete", "POST", path, body, frozenset((200, 409)))
            case "administer":
                return _administration(chance, chance.choice(self._cards), overrides)
            case _:
                return _authorization(chance, chance.choice(self._cards))


def _outcome(response: httpx.Response) -> tuple[int, Any]:
    """What must be the same again. An error says when and by which prefix it was asked for."""
    if response.is_success or response.status_code == httpx.codes.UNPROCESSABLE_ENTITY:
        return response.status_code, response.content
    body = response.json()
    return response.status_code, (body["message"], body.get("details"))


def _authorization(chance: random.Random, card: Plastic) -> Act:
    kind = chance.choice(("PURCHASE", "PURCHASE", "PURCHASE", "CASH_WITHDRAWAL", "REFUND"))
    body = purchase(
        card,
        # Refunds are small, so that money runs short.
        1 if kind == "REFUND" else chance.choice((1, 5, 10.25, 20, 45, 80.01)),
        channel=chance.choice(("POS", "ATM", "E_COMMERCE", "E_COMMERCE")),
        mcc=chance.choice(("5411", "7995")),
        countryCode=chance.choice(("USA", "GBR")),
        transactionType=kind,
    )
    return Act("authorize", "POST", AUTHORIZATIONS, body, frozenset((200, 202, 422)))


def _settlement(chance: random.Random, request_id: int) -> Act:
    reason = {"reason": "changed their mind"}
    match chance.choice(("capture", "capture", "capture", "release", "reverse")):
        case "release":
            path = f"{HOLDS}/{request_id + 2}/release"
            return Act("release", "POST", path, reason, frozenset((200, 409)))
        case "reverse":
            path = f"{AUTHORIZATIONS}/{request_id}/reverse"
            return Act("reverse", "POST", path, reason, frozenset((200, 409)))
        case _:
            amount, is_final = chance.choice((1, 5, 10, 45)), chance.random() < 0.4
            body = {"amount": amount, "currency": "USD", "reference": "S", "final": is_final}
            path = f"{HOLDS}/{request_id + 2}/capture"
            return Act("capture", "POST", path, body, frozenset((200, 400, 409)))


def _administration(chance: random.Random, card: Plastic, overrides: list[int]) -> Act:
    if overrides and chance.random() < 0.3:
        path = f"{ADMIN}/limit-overrides/{chance.choice(overrides)}"
        return Act("delete override", "DELETE", path, None, frozenset((204, 404)))
    if chance.random() < 0.5:
        body: dict[str, Any] = chance.choice(LIMITS)
        return Act("limits", "PUT", f"{ADMIN}/cards/{card.card_id}/limits", body, frozenset((200,)))
    body = {"dailyLimit": chance.choice((100, 2000)), "reason": "travel", "expiresAt": OVERRIDE_ENDS}
    path = f"{ADMIN}/cards/{card.card_id}/limit-overrides"
    return Act("override", "POST", path, body, frozenset((201,)))
