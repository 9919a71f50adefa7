import socket
import time
from collections import Counter

import pytest

from bench.generator import Generator
from bench.load import LoadJob, LoadResult, generate
from bench.schedule import NANOSECONDS, ClosedLoop, Schedule
from bench.workloads import TransferPlan, Workload, workload_of
from tests.bench.scripted_server import (
    WAIT_SECONDS,
    Script,
    ScriptedConnection,
    ScriptedServer,
    answer,
    scripted_server,
)

PLAN = TransferPlan(accounts=[f"account-{n}" for n in range(20)], tokens=[f"token-{n}" for n in range(20)])


def closed(
    server: ScriptedServer, *, count: int, connections: int = 8, grace: float = WAIT_SECONDS
) -> LoadResult:
    """The count ends it; the duration is only what a hanging test would take."""
    return generate(
        LoadJob(
            port=server.port,
            plan=PLAN,
            connections=connections,
            duration_seconds=WAIT_SECONDS,
            count=count,
            grace_seconds=grace,
        )
    )


def obliging(connection: ScriptedConnection) -> None:
    for number, _ in enumerate(connection.requests()):
        connection.send(answer(201, b'{"ok": true}', f"X-Ledger-Position: {number + 1}"))


def test_a_closed_loop_sends_exactly_its_count_over_its_connections() -> None:
    with scripted_server(obliging) as server:
        result = closed(server, count=500)
    assert result.statuses == {201: 500}
    assert (result.sent, result.unanswered, result.unsent, result.errors) == (500, 0, 0, {})
    assert (result.reconnects, result.stopped_early) == (0, None)
    assert result.latency.count == 500
    assert (
        len({request.body["idempotency_key"] for request in server.requests}) == len(server.requests) == 500
    )
    assert len(server.connections) == 8


def test_a_closed_loop_ends_with_its_duration() -> None:
    with scripted_server(obliging) as server:
        result = generate(LoadJob(port=server.port, plan=PLAN, connections=2, duration_seconds=0.2))
    assert result.sent == result.answered == len(server.requests) > 0


def test_a_connection_waits_for_its_answer_before_it_asks_again() -> None:
    def strict(connection: ScriptedConnection) -> None:
        for _ in connection.requests():
            connection.socket.setblocking(False)
            with pytest.raises(BlockingIOError):
                connection.socket.recv(1)
            connection.socket.setblocking(True)
            connection.send(answer(200))

    with scripted_server(strict) as server:
        assert closed(server, count=200).statuses == {200: 200}


def test_the_highest_position_and_a_body_of_each_status_are_kept() -> None:
    def two_kinds(connection: ScriptedConnection) -> None:
        for number, _ in enumerate(connection.requests()):
            if number % 2:
                connection.send(answer(503, b'{"error": "busy"}', "Retry-After: 1"))
            else:
                connection.send(answer(201, b'{"transfer": {}}', f"X-Ledger-Position: {900 - number}"))

    with scripted_server(two_kinds) as server:
        result = closed(server, count=100, connections=1)
    assert result.statuses == {201: 50, 503: 50}
    assert result.samples == {"201": '{"transfer": {}}', "503": '{"error": "busy"}'}
    assert result.last_position == 900
    assert result.per_second(201) == result.per_second(503) == pytest.approx(result.requests_per_second / 2)


def test_answers_in_small_pieces_are_put_together() -> None:
    def dribbling(connection: ScriptedConnection) -> None:
        for _ in connection.requests():
            for byte in answer(201, b"{}", "X-Ledger-Position: 5"):
                connection.send(bytes([byte]))

    with scripted_server(dribbling) as server:
        result = closed(server, count=20, connections=2)
    assert (result.statuses, result.errors, result.last_position) == ({201: 20}, {}, 5)


def announcing(connection: ScriptedConnection) -> None:
    for _ in connection.requests():
        connection.send(answer(201, b"{}", "Connection: close"))
        return


def test_a_close_announced_with_the_answer_costs_no_request() -> None:
    with scripted_server(announcing) as server:
        result = closed(server, count=50, connections=4)
    assert (result.statuses, result.errors) == ({201: 50}, {})
    assert result.reconnects >= 46


class OnceMoreWhenReconnected:
    """One request at once, the second and last when the server has met the generator again."""

    def __init__(self, server: ScriptedServer) -> None:
        self._server = server
        self._taken = 0

    def due(self, now_ns: int, /) -> int | None:
        if self._taken == 2:
            return None
        if self._taken == 1 and len(self._server.connections) < 2:
            return now_ns + NANOSECONDS // 100
        return now_ns

    def take(self) -> None:
        self._taken += 1

    def overdue(self, now_ns: int, /) -> list[int]:
        return []


def generator_for(server: ScriptedServer, workload: Workload, schedule: Schedule) -> Generator:
    return Generator(
        address=("127.0.0.1", server.port),
        workload=workload,
        schedule=schedule,
        connections=1,
        duration_ns=WAIT_SECONDS * NANOSECONDS,
        grace_ns=WAIT_SECONDS * NANOSECONDS,
        reconnects_max=0,
    )


def test_an_idle_connection_that_the_server_closes_costs_no_request() -> None:
    def closes_unannounced(connection: ScriptedConnection) -> None:
        for _ in connection.requests():
            connection.send(answer(201))
            return

    with scripted_server(closes_unannounced) as server:
        workload = workload_of(PLAN, "127.0.0.1")
        generator = generator_for(server, workload, OnceMoreWhenReconnected(server))
        generator.run()
    assert (generator.statuses, generator.errors) == ({201: 2}, {})
    assert generator.reconnects >= 1


def test_a_connection_cut_instead_of_an_answer_costs_one_request_and_the_rest_goes_on() -> None:
    def cutting(connection: ScriptedConnection) -> None:
        for number, _ in enumerate(connection.requests()):
            if number == 5:
                connection.send(b"HTTP/1.1 201 Cre")
                return
            connection.send(answer(201))

    with scripted_server(cutting) as server:
        result = closed(server, count=100, connections=2)
    cut = result.errors["disconnected"]
    assert cut >= 10
    assert result.statuses == {201: 100 - cut}
    assert result.reconnects >= cut - 2
    assert result.errors.keys() == {"disconnected"}


def test_it_stops_by_itself_when_the_server_goes_away() -> None:
    def vanishing(connection: ScriptedConnection) -> None:
        for _ in connection.requests():
            if len(connection.server.requests) >= 50:
                connection.server.stop_listening()
                return
            connection.send(answer(201))

    with scripted_server(vanishing) as server:
        result = generate(
            LoadJob(port=server.port, plan=PLAN, connections=4, duration_seconds=300, reconnects_max=3)
        )
    assert result.stopped_early == "every connection was lost"
    assert result.elapsed_seconds < 300
    assert result.answered + result.errors["disconnected"] == result.sent
    assert result.errors["connect_failed"] >= 4


def test_nothing_listening_is_an_answer_too() -> None:
    result = generate(LoadJob(port=free_port(), plan=PLAN, connections=2, reconnects_max=2))
    assert (result.sent, result.statuses) == (0, {})
    assert result.errors == {"connect_failed": 6}
    assert result.stopped_early is not None


@pytest.mark.parametrize(
    ("data", "reason"),
    [(b"SSH-2.0-OpenSSH\r\n\r\n", "malformed_answer"), (answer(201) * 2, "unasked_answer")],
)
def test_a_server_that_does_not_speak_http_is_an_error(data: bytes, reason: str) -> None:
    def babbling(connection: ScriptedConnection) -> None:
        for _ in connection.requests():
            connection.send(data)

    with scripted_server(babbling) as server:
        result = closed(server, count=3, connections=1)
    assert result.errors == {reason: 3}


def test_a_request_larger_than_the_socket_takes_is_sent_in_parts() -> None:
    class LargeRequests:
        def next_request(self) -> bytes:
            return b"POST / HTTP/1.1\r\nContent-Length: 20000000\r\n\r\n" + bytes(20_000_000)

    with scripted_server(obliging) as server:
        schedule = ClosedLoop(duration_ns=WAIT_SECONDS * NANOSECONDS, count=2)
        generator = generator_for(server, LargeRequests(), schedule)
        generator.run()
    assert generator.statuses == {201: 2}
    assert [len(request.content) for request in server.requests] == [20_000_000] * 2


def test_what_is_never_answered_is_counted_with_the_time_it_waited() -> None:
    def silent(connection: ScriptedConnection) -> None:
        for _ in connection.requests():
            connection.server.closing.wait(WAIT_SECONDS)

    with scripted_server(silent) as server:
        result = closed(server, count=4, connections=4, grace=0.3)
    assert (result.sent, result.unanswered, result.statuses) == (4, 4, {})
    assert result.latency.count == 4
    assert result.latency.p50_ms >= 299


def test_an_open_loop_sends_its_whole_schedule_whatever_the_answers() -> None:
    with scripted_server(obliging) as server:
        job = LoadJob(
            port=server.port, plan=PLAN, connections=4, rate=200, spacing="fixed", duration_seconds=0.5
        )
        result = generate(job)
    assert (result.sent, result.statuses, result.unsent) == (100, {201: 100}, 0)
    # the last one is due at 0.495 s, and none is sent before it is due
    assert result.elapsed_seconds >= 0.495


def test_an_open_loop_uses_all_its_connections_in_turn() -> None:
    used: Counter[int] = Counter()

    def counting(connection: ScriptedConnection) -> None:
        for _ in connection.requests():
            used[connection.number] += 1
            connection.send(answer(201))

    with scripted_server(counting) as server:
        generate(
            LoadJob(
                port=server.port, plan=PLAN, connections=4, rate=100, spacing="fixed", duration_seconds=0.4
            )
        )
    assert sum(used.values()) == 40
    assert len(used) == 4


def stalling(seconds: float) -> Script:
    """Nothing is answered until that long after the first request."""

    def script(connection: ScriptedConnection) -> None:
        for number, _ in enumerate(connection.requests()):
            if number == 0:
                time.sleep(seconds)
            connection.send(answer(201))

    return script


def test_an_open_loop_measures_from_when_a_request_was_due_not_from_when_it_could_be_sent() -> None:
    with scripted_server(stalling(0.6)) as server:
        job = LoadJob(
            port=server.port, plan=PLAN, connections=1, rate=100, spacing="fixed", duration_seconds=0.3
        )
        result = generate(job)
    # request i was due at i * 10 ms and had no answer before 600 ms, though only the first was held up
    assert (result.sent, result.statuses) == (30, {201: 30})
    assert result.latency.max_ms >= 599
    assert result.latency.p50_ms >= 600 - 15 * 10 - 1


def test_requests_that_never_found_a_connection_are_counted_with_the_time_they_waited() -> None:
    def silent(connection: ScriptedConnection) -> None:
        for _ in connection.requests():
            connection.server.closing.wait(WAIT_SECONDS)

    with scripted_server(silent) as server:
        job = LoadJob(
            port=server.port,
            plan=PLAN,
            connections=2,
            rate=100,
            spacing="fixed",
            duration_seconds=0.2,
            grace_seconds=0.3,
        )
        result = generate(job)
    assert (result.sent, result.unanswered, result.unsent) == (2, 2, 18)
    assert result.latency.count == 20
    # the end is 0.5 s after the start at the earliest, 0.3 s after the last was due
    assert result.latency.p50_ms >= 500 - 100 - 1


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port
