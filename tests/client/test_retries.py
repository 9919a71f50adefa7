"""What the client does when the service does not answer, or not now: against one that fails on purpose."""

import asyncio
import hashlib
import hmac
import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple
from urllib.parse import parse_qs

import pytest

from daybook_client import (
    NEVER,
    ApiKey,
    AsyncClient,
    BearerToken,
    Call,
    Client,
    ClientCredentials,
    RefreshToken,
    Retries,
    Signing,
    back_office,
    errors,
    ledger,
    sandbox,
    transfers,
    webhooks,
)
from daybook_client.credentials import TokenKeeper

_TOKEN = BearerToken("a-token")
_AS_USUAL = Retries()
_CHART: dict[str, list[Any]] = {"accounts": []}


class Sent(NamedTuple):
    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class Answer(NamedTuple):
    """Status 0: the connection is closed instead."""

    status: int
    content: Any = None
    headers: tuple[tuple[str, str], ...] = ()


class Failing:
    """A server that gives the next of its answers, whatever is asked."""

    def __init__(self, *answers: Answer) -> None:
        self.answers = list(answers)
        self.sent: list[Sent] = []
        failing = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
                failing.sent.append(Sent(self.command, self.path, dict(self.headers.items()), body))
                answer = failing.answers.pop(0)
                if answer.status == 0:
                    self.close_connection = True
                    return
                content = b"" if answer.content is None else json.dumps(answer.content).encode()
                self.send_response(answer.status)
                for name, value in (*answer.headers, ("Content-Length", str(len(content)))):
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST

            def log_message(self, *_: object) -> None:
                """Nothing on standard error."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@contextmanager
def failing(*answers: Answer) -> Iterator[Failing]:
    server = Failing(*answers)
    try:
        yield server
    finally:
        server.close()


def sent_by(server: Failing, call: Call[Any], retries: Retries = _AS_USUAL) -> tuple[Any, list[float]]:
    """What came of the call, and how long was waited before each further attempt."""
    waited: list[float] = []
    with Client(server.url, _TOKEN, retries=retries, sleep=waited.append) as client:
        try:
            return client.send(call), waited
        except errors.DaybookError as error:
            return error, waited


def busy(seconds: int | None = None, status: int = 503) -> Answer:
    headers = () if seconds is None else (("Retry-After", str(seconds)),)
    return Answer(status, {"error": "busy", "code": "unavailable"}, headers)


def test_a_write_is_tried_again_under_the_same_key() -> None:
    """No answer, then not now, then done."""
    done = Answer(201, {"account_code": "1001", "account_name": "Petty", "type": "asset"})
    with failing(Answer(0), busy(), done) as server:
        result, waited = sent_by(server, ledger.add_account_code("1001", "Petty", "asset"))
    assert result.account_code == "1001"
    keys = {sent.headers["Idempotency-Key"] for sent in server.sent}
    assert (len(server.sent), len(keys)) == (3, 1)
    assert len({sent.body for sent in server.sent}) == 1
    assert 0.1 <= waited[0] <= 0.2 <= waited[1] <= 0.4


def test_a_transfers_key_is_in_its_body() -> None:
    with failing(*[busy(1)] * 4) as server:
        result, waited = sent_by(server, transfers.create_internal("a", "b", "1.00"))
    assert isinstance(result, errors.ServiceFailed)
    assert len({json.loads(sent.body)["idempotency_key"] for sent in server.sent}) == 1
    assert waited == [1.0, 1.0, 1.0]


def test_what_the_service_asks_to_wait_is_waited_for_within_reason() -> None:
    """A rate limit that ends soon is waited for; one that ends in an hour is the caller's to handle."""
    with failing(busy(7, 429), Answer(200, _CHART)) as server:
        result, waited = sent_by(server, ledger.chart_of_accounts())
    assert (result.accounts, waited) == ([], [7.0])
    with failing(busy(3600, 429)) as server:
        result, waited = sent_by(server, ledger.chart_of_accounts())
    assert (type(result), result.retry_after_seconds, waited) == (errors.TooManyRequests, 3600, [])
    with failing(busy(None, 429)) as server:
        result, waited = sent_by(server, ledger.chart_of_accounts())
    assert (type(result), len(server.sent)) == (errors.TooManyRequests, 1)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 422, 500])
def test_what_another_attempt_would_not_change_is_not_tried_again(status: int) -> None:
    with failing(busy(None, status)) as server:
        result, _ = sent_by(server, ledger.chart_of_accounts())
    assert (result.status, len(server.sent)) == (status, 1)


def test_what_would_happen_twice_is_sent_once() -> None:
    """The clock has no key: it may have moved, and nobody knows."""
    with failing(Answer(0)) as server:
        result, _ = sent_by(server, sandbox.advance_clock(5))
    assert isinstance(result, errors.TransportFailed)
    with failing(Answer(0)) as server:
        result, _ = sent_by(server, ledger.chart_of_accounts(), NEVER)
    assert isinstance(result, errors.TransportFailed)


def test_asyncio_tries_again_as_threads_do() -> None:
    waited: list[float] = []

    async def wait(seconds: float) -> None:
        waited.append(seconds)

    async def ask(url: str) -> ledger.Chart:
        async with AsyncClient(url, _TOKEN, sleep=wait) as client:
            return await client.send(ledger.chart_of_accounts())

    with failing(Answer(0), busy(3), Answer(200, _CHART)) as server:
        assert asyncio.run(ask(server.url)).accounts == []
    assert (len(server.sent), waited[1]) == (3, 3.0)


def test_a_page_may_be_empty_without_being_the_last() -> None:
    """The log is looked through part by part, and a filter may find nothing in one."""
    pages = [{"events": [], "next_after": 100_000}, {"events": [], "next_after": None}]
    with failing(*(Answer(200, page) for page in pages)) as server, Client(server.url, _TOKEN) as client:
        assert list(client.each(ledger.events(topic="hold.placed"))) == []
    assert [sent.path.partition("?")[2] for sent in server.sent] == [
        "topic=hold.placed",
        "topic=hold.placed&after=100000",
    ]


def test_secrets_are_not_shown_where_a_program_fails() -> None:
    """Neither of credentials nor of calls."""
    for shown in (
        ClientCredentials("app", "hidden"),
        RefreshToken("app", "hidden", "hidden", print),
        BearerToken("hidden"),
        ApiKey("hidden"),
        Signing("hidden"),
        TokenKeeper(ClientCredentials("app", "hidden")).call(),
        back_office.users.set_password("hidden", "hidden"),
    ):
        assert "hidden" not in repr(shown)


def test_an_answer_of_somebody_else_is_none() -> None:
    """A proxy's page, a redirect, half an object."""
    for answer in (Answer(200, "hello"), Answer(302), Answer(200, {"accounts": [{}]})):
        with failing(answer) as server:
            result, _ = sent_by(server, ledger.chart_of_accounts())
        assert isinstance(result, errors.UnexpectedAnswer)
    with failing(Answer(502), Answer(502)) as server:
        result, _ = sent_by(server, ledger.chart_of_accounts(), Retries(attempts_max=2))
    assert (result.status, result.code) == (502, "")


def test_a_refresh_token_is_kept_before_it_is_needed_and_used_once() -> None:
    """Each answer's own replaces it. One whose use was not answered is not used a second time."""
    kept: list[str] = []
    credentials = RefreshToken("app", "secret", "first", kept.append)

    def token(number: int) -> Answer:
        content = {"access_token": f"access-{number}", "token_type": "Bearer", "expires_in": 3600}
        return Answer(200, {**content, "refresh_token": f"refresh-{number}"})

    refused = Answer(401, {"error": "expired", "code": "unauthorized"})
    answers = [token(1), Answer(200, _CHART), refused, token(2), Answer(200, _CHART), refused, Answer(0)]
    with failing(*answers) as server, Client(server.url, credentials) as client:
        for _ in range(2):
            client.send(ledger.chart_of_accounts())
        with pytest.raises(errors.TransportFailed):
            client.send(ledger.chart_of_accounts())
    assert kept == ["refresh-1", "refresh-2"]
    forms = [parse_qs(sent.body.decode()) for sent in server.sent if sent.path == "/oauth/token"]
    assert [form["refresh_token"] for form in forms] == [["first"], ["refresh-1"], ["refresh-2"]]
    used = [sent.headers["Authorization"] for sent in server.sent if sent.path != "/oauth/token"]
    assert used == [f"Bearer access-{number}" for number in (1, 1, 2, 2)]


def test_a_token_is_asked_for_once_however_many_ask() -> None:
    """Threads that come while it is being asked for wait for it, and do not ask themselves."""
    token = Answer(200, {"access_token": "a", "token_type": "Bearer", "expires_in": 3600})
    with failing(token, *[Answer(200, _CHART)] * 8) as server:
        credentials = ClientCredentials("app", "secret", scope="gl.read")
        with Client(server.url, credentials) as client, ThreadPoolExecutor(8) as threads:
            charts = list(threads.map(client.send, [ledger.chart_of_accounts()] * 8))
    assert [chart.accounts for chart in charts] == [[]] * 8
    asked = [sent for sent in server.sent if sent.path == "/oauth/token"]
    assert [parse_qs(sent.body.decode())["scope"] for sent in asked] == [["gl.read"]]


def test_a_token_that_is_refused_at_once_is_not_asked_for_forever() -> None:
    refused = Answer(401, {"error": "no", "code": "unauthorized"})
    token = Answer(200, {"access_token": "a", "token_type": "Bearer", "expires_in": 3600})
    with failing(token, refused, token, refused) as server:
        credentials = RefreshToken("app", "secret", "first", lambda _: None)
        with Client(server.url, credentials) as client, pytest.raises(errors.Unauthorized):
            client.send(ledger.chart_of_accounts())
    assert server.answers == []


def test_messages_with_a_timestamp_are_good_for_five_minutes() -> None:
    body, secret, at = b'{"event_id":"evt_1","amount":10.50}', "secret", 1_700_000_000

    def headers(**changes: str) -> dict[str, str]:
        signature = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
        return {"x-timestamp": str(at), "x-signature": f"sha256={signature}", **changes}

    verify: Callable[..., dict[str, Any]] = webhooks.verify_timestamped
    content = verify(body, headers(), secret, now=at + 300)
    assert str(content["amount"]) == "10.50"
    for given, sent, now in (
        (body, headers(), at + 301),
        (body, headers(), at - 301),
        (body + b" ", headers(), at),
        (body, headers(**{"x-timestamp": str(at + 1)}), at),
        (body, headers(**{"x-timestamp": "now"}), at),
        (body, headers(**{"x-signature": "sha256="}), at),
        (body, {}, at),
    ):
        with pytest.raises(errors.InvalidWebhook):
            verify(given, sent, secret, now=now)
