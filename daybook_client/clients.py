"""The two clients: they differ in how they wait, and in nothing else.

with Client("https://bank.example.com", ClientCredentials("id", "secret")) as bank:
    created = bank.send(transfers.create_internal(...))
    for transfer in bank.each(transfers.list_transfers(status="pending")):
        ...
"""

import asyncio
import ssl
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx
import msgspec

from daybook_client.calls import Call, Listing
from daybook_client.credentials import Credentials, Signing, TokenKeeper
from daybook_client.errors import TransportFailed, UnexpectedAnswer, refused
from daybook_client.retries import Retries

T = TypeVar("T")

TIMEOUT_SECONDS = 30.0
_SIGNED = "/backoffice/"
_DEFAULT_RETRIES = Retries()


class _Exchange:
    """What both clients do alike: make requests of calls, judge answers, keep the token."""

    def __init__(self, credentials: Credentials | None, signing: Signing | None, retries: Retries) -> None:
        self.keeper = TokenKeeper(credentials)
        self.signing = signing
        self.retries = retries
        # Of the last write that recorded something: what a read has to show to show that.
        self.position: int | None = None

    def request(
        self, http: httpx.Client | httpx.AsyncClient, call: Call[Any], headers: dict[str, str]
    ) -> httpx.Request:
        sent = {**call.headers, **headers}
        if call.content is not None:
            sent["Content-Type"] = "application/json"
        request = http.build_request(
            call.method,
            call.path,
            params=call.query or None,
            headers=sent,
            content=call.content,
            data=call.form,
        )
        if self.signing is not None and call.path.startswith(_SIGNED):
            self.signing.sign(request)
        return request

    def judge(self, call: Call[T], response: httpx.Response) -> T:
        """The answer. Raises Refused and UnexpectedAnswer."""
        status = response.status_code
        if status >= 400 and status not in call.answers:
            raise refused(
                status,
                response.content,
                request_id=response.headers.get("X-Request-ID", ""),
                retry_after_seconds=retry_after(response),
            )
        if not 200 <= status < 300 and status not in call.answers:
            raise UnexpectedAnswer(f"{call.method} {call.route}: {status}")
        position = response.headers.get("X-Ledger-Position", "")
        if position.isdigit():
            self.position = int(position)
        try:
            return call.read(response.content)
        except (msgspec.DecodeError, UnicodeError) as error:
            raise UnexpectedAnswer(f"{call.method} {call.route}: {error}") from error

    def wait_seconds(self, call: Call[Any], attempt: int, response: httpx.Response | None) -> float | None:
        if response is None:
            return self.retries.wait_seconds(call, attempt, None, None)
        status = response.status_code
        return self.retries.wait_seconds(call, attempt, status, retry_after(response))

    def shall_renew(self, response: httpx.Response | None, headers: dict[str, str]) -> bool:
        """Whether the token was refused, and another one may do better."""
        if response is None or response.status_code != 401 or not self.keeper.can_renew:
            return False
        self.keeper.forget(headers)
        return True


def retry_after(response: httpx.Response) -> int | None:
    text = response.headers.get("Retry-After", "")
    return int(text) if text.isdigit() else None


class Client:
    """For threads: one client may be used by many. `tls` is whom to trust, and the certificate to show."""

    def __init__(
        self,
        url: str,
        credentials: Credentials | None = None,
        *,
        signing: Signing | None = None,
        retries: Retries = _DEFAULT_RETRIES,
        timeout_seconds: float = TIMEOUT_SECONDS,
        tls: ssl.SSLContext | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._http = httpx.Client(base_url=url, timeout=timeout_seconds, verify=tls or True)
        self._exchange = _Exchange(credentials, signing, retries)
        self._sleep = sleep
        self._renewing = threading.Lock()

    @property
    def position(self) -> int | None:
        """The ledger's, after the last write that recorded something: for `Call.after`."""
        return self._exchange.position

    def send(self, call: Call[T]) -> T:
        """Raises Refused, TransportFailed, UnexpectedAnswer."""
        return self._deliver(call, is_for_token=False)

    def _deliver(self, call: Call[T], *, is_for_token: bool) -> T:
        # What asks for a token comes with its own credentials.
        has_renewed = is_for_token
        attempt = 1
        while True:
            headers = {} if is_for_token else self._headers()
            response, failure = self._attempt(call, headers)
            if not has_renewed and self._exchange.shall_renew(response, headers):
                has_renewed = True
                continue
            wait = self._exchange.wait_seconds(call, attempt, response)
            if wait is None:
                if response is None:
                    raise TransportFailed(f"{call.method} {call.route}: {failure}") from failure
                return self._exchange.judge(call, response)
            self._sleep(wait)
            attempt += 1

    def each(self, listing: Listing[T]) -> Iterator[T]:
        """All rows of all pages; a page is asked for when its first row is."""
        following: Listing[T] | None = listing
        while following is not None:
            page = self.send(following)
            yield from page.rows
            following = following.next_after(page)

    def close(self) -> None:
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _attempt(
        self, call: Call[Any], headers: dict[str, str]
    ) -> tuple[httpx.Response | None, httpx.TransportError | None]:
        try:
            return self._http.send(self._exchange.request(self._http, call, headers)), None
        except httpx.TransportError as error:
            return None, error

    def _headers(self) -> dict[str, str]:
        keeper = self._exchange.keeper
        headers = keeper.headers(time.monotonic())
        if headers is not None:
            return headers
        with self._renewing:
            headers = keeper.headers(time.monotonic())
            if headers is None:
                keeper.keep(self._deliver(keeper.call(), is_for_token=True), time.monotonic())
                headers = keeper.headers(time.monotonic())
            # A life of no seconds is none that could be kept.
            return headers or {}


class AsyncClient:
    """The same for asyncio."""

    def __init__(
        self,
        url: str,
        credentials: Credentials | None = None,
        *,
        signing: Signing | None = None,
        retries: Retries = _DEFAULT_RETRIES,
        timeout_seconds: float = TIMEOUT_SECONDS,
        tls: ssl.SSLContext | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._http = httpx.AsyncClient(base_url=url, timeout=timeout_seconds, verify=tls or True)
        self._exchange = _Exchange(credentials, signing, retries)
        self._sleep = sleep
        self._renewing = asyncio.Lock()

    @property
    def position(self) -> int | None:
        """The ledger's, after the last write that recorded something: for `Call.after`."""
        return self._exchange.position

    async def send(self, call: Call[T]) -> T:
        """Raises Refused, TransportFailed, UnexpectedAnswer."""
        return await self._deliver(call, is_for_token=False)

    async def _deliver(self, call: Call[T], *, is_for_token: bool) -> T:
        # What asks for a token comes with its own credentials.
        has_renewed = is_for_token
        attempt = 1
        while True:
            headers = {} if is_for_token else await self._headers()
            response, failure = await self._attempt(call, headers)
            if not has_renewed and self._exchange.shall_renew(response, headers):
                has_renewed = True
                continue
            wait = self._exchange.wait_seconds(call, attempt, response)
            if wait is None:
                if response is None:
                    raise TransportFailed(f"{call.method} {call.route}: {failure}") from failure
                return self._exchange.judge(call, response)
            await self._sleep(wait)
            attempt += 1

    async def each(self, listing: Listing[T]) -> AsyncIterator[T]:
        """All rows of all pages; a page is asked for when its first row is."""
        following: Listing[T] | None = listing
        while following is not None:
            page = await self.send(following)
            for row in page.rows:
                yield row
            following = following.next_after(page)

    async def close(self) -> None:
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def _attempt(
        self, call: Call[Any], headers: dict[str, str]
    ) -> tuple[httpx.Response | None, httpx.TransportError | None]:
        try:
            return await self._http.send(self._exchange.request(self._http, call, headers)), None
        except httpx.TransportError as error:
            return None, error

    async def _headers(self) -> dict[str, str]:
        keeper = self._exchange.keeper
        headers = keeper.headers(time.monotonic())
        if headers is not None:
            return headers
        async with self._renewing:
            headers = keeper.headers(time.monotonic())
            if headers is None:
                keeper.keep(await self._deliver(keeper.call(), is_for_token=True), time.monotonic())
                headers = keeper.headers(time.monotonic())
            return headers or {}
