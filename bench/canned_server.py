"""A server that answers every request with the same 201: what is then measured is the generator.

`python -m bench.canned_server` prints its port and serves until its stdin is closed.
"""

import asyncio
import sys
from typing import cast

import uvloop

_BODY = (
    b'{"transfer":{"id":"tx_abc123def456","idempotency_key":"load-0000000001","user_id":"user_xyz789",'
    b'"from_account_id":"a1b2c3d4-e5f6-7890-abcd-ef1234567890",'
    b'"to_account_id":"f6e5d4c3-b2a1-0987-6543-210fedcba098","amount":1.00,"fee":0.00,"currency":"USD",'
    b'"transfer_type":"internal","status":"pending","memo":null,"reference":"FTZ241220ABCD1234",'
    b'"scheduled_settlement_at":"2025-10-21T12:00:00Z","created_at":"2025-10-20T15:30:00Z",'
    b'"requires_mfa":false,"mfa_verified":false},"message":"Transfer initiated successfully",'
    b'"requires_mfa":false,"settlement_estimate":"1 business day","fee":0.00}'
)
CANNED_ANSWER = (
    b"HTTP/1.1 201 Created\r\ncontent-type: application/json\r\nx-ledger-position: 12345\r\n"
    b"content-length: %d\r\ndate: Mon, 20 Oct 2025 15:30:00 GMT\r\n\r\n%b" % (len(_BODY), _BODY)
)


class CannedProtocol(asyncio.Protocol):
    def __init__(self) -> None:
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports have the methods but not the base class
        self._transport = cast(asyncio.WriteTransport, transport)

    def data_received(self, data: bytes) -> None:
        buffer = self._buffer + data
        while (head_end := buffer.find(b"\r\n\r\n")) >= 0:
            start = buffer.find(b"Content-Length: ", 0, head_end)
            length = int(buffer[start + 16 : buffer.find(b"\r\n", start)]) if start >= 0 else 0
            end = head_end + 4 + length
            if len(buffer) < end:
                break
            buffer = buffer[end:]
            self._transport.write(CANNED_ANSWER)
        self._buffer = buffer


async def serve() -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(CannedProtocol, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.buffer.read)
    server.close()


if __name__ == "__main__":
    uvloop.run(serve())
