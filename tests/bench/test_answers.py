import pytest

from bench.answers import AnswerReader, MalformedAnswer
from tests.bench.scripted_server import answer

STREAM = (
    b"HTTP/1.1 100 Continue\r\n\r\n"
    + answer(201, b'{"id": "\r\n\r\n"}', "X-Ledger-Position: 17")
    + b"HTTP/1.1 204 No Content\r\nx-ledger-position: 18\r\n\r\n"
    + answer(503, b"", "Retry-After: 1", "Connection: close")
)
EXPECTED = [(201, b'{"id": "\r\n\r\n"}', 17, False), (204, b"", 18, False), (503, b"", -1, True)]

Seen = tuple[int, bytes, int, bool]


def read(pieces: list[bytes]) -> list[Seen]:
    reader = AnswerReader()
    seen: list[Seen] = []
    for piece in pieces:
        is_whole = reader.feed(piece)
        while is_whole:
            seen.append((reader.status, reader.body, reader.position, reader.closes))
            is_whole = reader.feed(b"")
    assert not reader.has_surplus
    return seen


def test_answers_in_one_piece_are_read_one_after_another() -> None:
    assert read([STREAM]) == EXPECTED


def test_answers_cut_at_any_byte_are_the_same() -> None:
    for cut in range(1, len(STREAM)):
        assert (cut, read([STREAM[:cut], STREAM[cut:]])) == (cut, EXPECTED)


def test_answers_that_come_byte_by_byte_are_the_same() -> None:
    assert read([bytes([byte]) for byte in STREAM]) == EXPECTED


def test_bytes_behind_an_answer_are_surplus() -> None:
    reader = AnswerReader()
    assert reader.feed(answer(200) + b"H")
    assert reader.has_surplus


@pytest.mark.parametrize(
    "data",
    [
        b"SSH-2.0-OpenSSH\r\n\r\n",
        b"HTTP/1.1 abc Odd\r\ncontent-length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nx-ledger-position: soon\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nx-filler: " + b"a" * 70_000,
    ],
)
def test_anything_else_is_malformed(data: bytes) -> None:
    with pytest.raises(MalformedAnswer):
        AnswerReader().feed(data)
