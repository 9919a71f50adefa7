"""Reads HTTP/1.1 answers out of a stream of bytes, as little of them as a load test needs."""

_HEAD_MAX = 65_536
_BODYLESS = frozenset((204, 304))


class MalformedAnswer(Exception):
    """The bytes are no HTTP/1.1 answer with a Content-Length, or the head is larger than 64 KiB."""


class AnswerReader:
    """Fed with bytes cut anywhere; after `feed` says True, the fields hold the answer.

    Bytes behind an answer are kept for the next `feed(b"")`. Bodies must have a Content-Length, which every
    answer of the service has: chunked ones are refused instead of measured wrongly.
    """

    __slots__ = ("_buffer", "body", "closes", "position", "status")

    def __init__(self) -> None:
        self._buffer = b""
        self.status = 0
        self.body = b""
        self.closes = False
        self.position = -1
        """The answer's X-Ledger-Position, -1 if it had none."""

    def feed(self, data: bytes) -> bool:
        buffer = self._buffer + data if self._buffer else data
        while True:
            head_end = buffer.find(b"\r\n\r\n")
            if head_end < 0:
                if len(buffer) > _HEAD_MAX:
                    raise MalformedAnswer("no end of the head")
                self._buffer = buffer
                return False
            if buffer[:7] != b"HTTP/1." or not buffer[9:12].isdigit():
                raise MalformedAnswer(repr(buffer[:64]))
            status = int(buffer[9:12])
            if status >= 200:
                break
            # an interim answer (100 Continue, 103 Early Hints): the real one follows
            buffer = buffer[head_end + 4 :]

        head = buffer[: head_end + 2].lower()
        end = head_end + 4
        if status not in _BODYLESS:
            end += _number(head, b"\r\ncontent-length:")
        if len(buffer) < end:
            self._buffer = buffer
            return False

        self.status = status
        self.body = buffer[head_end + 4 : end]
        self._buffer = buffer[end:]
        self.position = _number(head, b"\r\nx-ledger-position:") if b"x-ledger-position:" in head else -1
        self.closes = b"\r\nconnection: close" in head
        return True

    @property
    def has_surplus(self) -> bool:
        """Whether bytes have come that belong to no answer read so far."""
        return bool(self._buffer)


def _number(head: bytes, name: bytes) -> int:
    start = head.find(name)
    if start < 0:
        raise MalformedAnswer(f"no {name.decode().strip()} in {head[:200]!r}")
    start += len(name)
    digits = head[start : head.find(b"\r\n", start)].strip()
    if not digits.isdigit():
        raise MalformedAnswer(f"{name.decode().strip()} {digits!r}")
    return int(digits)
