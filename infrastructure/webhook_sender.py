"""One attempt to deliver a message: what the receiver answered, or a word for why it did not.

The receiver's name is looked up here, every address is checked, and the connection goes to the address that
was checked: a name that means something else a moment later gets nobody anywhere.
"""

import asyncio
import contextlib
import ipaddress
import socket
import ssl
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import httpx

from application.webhooks import Message
from infrastructure import webhook_addresses
from infrastructure.webhook_addresses import Address

ATTEMPT_SECONDS_MAX = 10.0
ADDRESSES_TRIED_MAX = 4
RESPONSE_BYTES_MAX = 64 * 1024
_RESPONSE_BODY_SECONDS_MAX = 1.0
_LOOKUPS_AT_ONCE = 32

TIMED_OUT = "timed_out"
INVALID_URL = "invalid_url"
NAME_NOT_FOUND = "name_not_found"
ADDRESS_REFUSED = "address_not_allowed"
NOT_CONNECTED = "connection_failed"
TLS_FAILED = "tls_failed"
BROKEN_OFF = "connection_broken"
BROKEN_PROTOCOL = "not_http"

Resolver = Callable[[str, int], Awaitable[Sequence[Address]]]
"""From a host's name and port to its addresses. Raises OSError where the name has none."""


class Result(NamedTuple):
    """`error` is None where it succeeded: the receiver answered with a 2xx."""

    response_status: int | None
    error: str | None

    @property
    def has_succeeded(self) -> bool:
        return self.error is None


class Refused(Exception):
    """The attempt failed for a reason that is known by a word."""

    def __init__(self, word: str) -> None:
        super().__init__(word)
        self.word = word


class WebhookSender:
    """`close` it in the end. `tls` says whose certificates are trusted, `resolve` how names are looked up."""

    def __init__(
        self,
        *,
        allows_private_addresses: bool,
        tls: ssl.SSLContext | None = None,
        resolve: Resolver | None = None,
    ) -> None:
        self._allows_private_addresses = allows_private_addresses
        # Names that are slow to look up must not keep the service's other threads.
        self._lookups = ThreadPoolExecutor(_LOOKUPS_AT_ONCE, thread_name_prefix="webhook-names")
        self._resolve: Resolver = resolve or self._look_up
        self._client = httpx.AsyncClient(
            verify=httpx.create_ssl_context(trust_env=False) if tls is None else tls,
            follow_redirects=False,
            # A proxy would connect to addresses that nobody checked.
            trust_env=False,
            timeout=ATTEMPT_SECONDS_MAX,
            # A connection is known by its address: kept, it would be used for another name there, whose
            # certificate was never looked at. And receivers that hang must not use up what others need.
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=0),
        )

    async def close(self) -> None:
        await self._client.aclose()
        self._lookups.shutdown(wait=False, cancel_futures=True)

    async def send(self, message: Message) -> Result:
        """Makes one attempt, within ten seconds in all."""
        try:
            async with asyncio.timeout(ATTEMPT_SECONDS_MAX):
                status = await self._post(message)
        except TimeoutError:
            return Result(None, TIMED_OUT)
        except Refused as refused:
            return Result(None, refused.word)
        except ValueError:
            # What TLS or HTTP cannot take for a name.
            return Result(None, INVALID_URL)
        return Result(status, None if 200 <= status < 300 else f"status_{status}")

    async def _post(self, message: Message) -> int:
        url = webhook_addresses.parsed(message.url)
        if url is None:
            raise Refused(INVALID_URL)
        addresses = await self._addresses(url)
        last = addresses[-1]
        for address in addresses:
            try:
                return await self._post_to(address, url, message)
            except httpx.ConnectError as error:
                if address is last:
                    raise Refused(_word_for(error)) from error
            except httpx.TimeoutException as error:
                raise Refused(TIMED_OUT) from error
            except (httpx.ProtocolError, httpx.DecodingError) as error:
                raise Refused(BROKEN_PROTOCOL) from error
            except httpx.HTTPError as error:
                raise Refused(BROKEN_OFF) from error
        raise Refused(NOT_CONNECTED)

    async def _addresses(self, url: httpx.URL) -> Sequence[Address]:
        """Where to connect to, each checked."""
        host = url.raw_host.decode("ascii")
        literal = webhook_addresses.as_address(host)
        if literal is not None:
            found: Sequence[Address] = (literal,)
        else:
            try:
                found = await self._resolve(host, url.port or (443 if url.scheme == "https" else 80))
            except (OSError, UnicodeError) as error:
                # The second: a part of the name is longer than any can be.
                raise Refused(NAME_NOT_FOUND) from error
        if not found:
            raise Refused(NAME_NOT_FOUND)
        # All of them: a name that leads inside by one of its addresses is not to be trusted with the others.
        if not (self._allows_private_addresses or all(map(webhook_addresses.is_public, found))):
            raise Refused(ADDRESS_REFUSED)
        return found[:ADDRESSES_TRIED_MAX]

    async def _post_to(self, address: Address, url: httpx.URL, message: Message) -> int:
        headers = {**message.headers, "Host": url.netloc.decode("ascii")}
        request = self._client.build_request(
            "POST",
            url.copy_with(host=str(address)),
            content=message.body,
            headers=headers,
            # The certificate must be that of the name, not of the address.
            extensions={"sni_hostname": url.raw_host.decode("ascii")},
        )
        response = await self._client.send(request, stream=True)
        try:
            await _read_a_little(response)
        finally:
            await response.aclose()
        return response.status_code

    async def _look_up(self, host: str, port: int) -> Sequence[Address]:
        found = await asyncio.get_running_loop().run_in_executor(
            self._lookups, lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        )
        return [ipaddress.ip_address(str(each[4][0])) for each in found]


async def _read_a_little(response: httpx.Response) -> None:
    """Takes the answer's body off the line, so that the receiver may end in peace; none of it is kept.

    The status has been given by then: a body that is endless, slow or broken changes nothing.
    """
    read = 0
    with contextlib.suppress(httpx.HTTPError, TimeoutError):
        async with asyncio.timeout(_RESPONSE_BODY_SECONDS_MAX):
            async for chunk in response.aiter_raw():
                read += len(chunk)
                if read >= RESPONSE_BYTES_MAX:
                    return


def _word_for(error: httpx.ConnectError) -> str:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLError):
            return TLS_FAILED
        cause = cause.__cause__ or cause.__context__
    return NOT_CONNECTED
