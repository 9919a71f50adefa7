from collections import Counter
from random import Random
from typing import Literal

import msgspec
import pytest

from bench.workloads import AuthorizationPlan, Choice, HoldPlan, Plan, TransferPlan, chooser, workload_of
from tests.bench.scripted_server import Request, request_of

ACCOUNTS = [f"account-{number}" for number in range(50)]
TOKENS = [f"token-{number}" for number in range(50)]


def requests(plan: Plan, number: int) -> list[Request]:
    workload = workload_of(plan, "127.0.0.1:8000")
    return [request_of(workload.next_request()) for _ in range(number)]


def plan(choice: Choice = "uniform", seed: int = 1, key_prefix: str = "run") -> TransferPlan:
    return TransferPlan(accounts=ACCOUNTS, tokens=TOKENS, choice=choice, seed=seed, key_prefix=key_prefix)


def test_a_transfer_is_one_internal_dollar_with_the_payer_s_own_token() -> None:
    for request in requests(plan(), 200):
        lines = request.head.split("\r\n")
        assert lines[0] == "POST /api/transfers-v2 HTTP/1.1"
        assert lines[1] == "Host: 127.0.0.1:8000"
        assert request.body["transfer_type"] == "internal"
        assert b'"amount":1.00,' in request.content
        source = ACCOUNTS.index(request.body["from_account_id"])
        assert f"Authorization: Bearer {TOKENS[source]}" in lines
        assert request.body["to_account_id"] in ACCOUNTS
        assert request.body["to_account_id"] != request.body["from_account_id"]


def test_no_key_is_used_twice_and_runs_differ_by_their_prefix() -> None:
    keys = [request.body["idempotency_key"] for request in requests(plan(), 500)]
    assert len(set(keys)) == 500
    other = [request.body["idempotency_key"] for request in requests(plan(key_prefix="other"), 500)]
    assert not set(keys) & set(other)
    defaults = {TransferPlan(accounts=ACCOUNTS, tokens=TOKENS).key_prefix for _ in range(10)}
    assert len(defaults) == 10


def test_identifiers_of_any_length_and_characters_arrive_as_they_are() -> None:
    odd = ['quote"', "percent%d", "back\\slash", "ümläut"]
    for request in requests(TransferPlan(accounts=odd, tokens=["t"] * 4, key_prefix='%b"'), 40):
        assert request.body["from_account_id"] in odd
        assert request.body["to_account_id"] in odd
        assert request.body["idempotency_key"].startswith('%b"-')


@pytest.mark.parametrize("choice", ["uniform", "zipf", "hot"])
def test_the_same_seed_is_the_same_transfers(choice: Choice) -> None:
    first = [request.content for request in requests(plan(choice, seed=9), 100)]
    assert first == [request.content for request in requests(plan(choice, seed=9), 100)]
    assert first != [request.content for request in requests(plan(choice, seed=10), 100)]


def test_a_hot_account_pays_everything_to_everybody_else() -> None:
    bodies = [request.body for request in requests(plan("hot"), 1000)]
    assert {body["from_account_id"] for body in bodies} == {ACCOUNTS[0]}
    assert {body["to_account_id"] for body in bodies} == set(ACCOUNTS[1:])


def test_uniform_draws_everybody_alike() -> None:
    choose = chooser("uniform", 10, Random(5))
    drawn = Counter(choose() for _ in range(20_000))
    assert sorted(drawn) == list(range(10))
    # the seed fixes the sample: within five standard deviations of 2,000
    assert all(abs(times - 2_000) < 5 * 43 for times in drawn.values())


def test_zipf_draws_each_rank_in_proportion_to_its_power() -> None:
    choose = chooser("zipf", 1000, Random(5))
    drawn = Counter(choose() for _ in range(50_000))
    weights = [1 / rank**1.1 for rank in range(1, 1001)]
    for rank in (0, 1, 4, 19):
        expected = 50_000 * weights[rank] / sum(weights)
        assert abs(drawn[rank] - expected) < 5 * expected**0.5
    assert max(drawn) < 1000


@pytest.mark.parametrize(
    ("accounts", "tokens"), [(["only one"], ["token"]), (["a", "b"], ["one token too few"])]
)
def test_a_plan_that_cannot_work_is_refused(accounts: list[str], tokens: list[str]) -> None:
    with pytest.raises(ValueError, match="account"):
        TransferPlan(accounts=accounts, tokens=tokens)


def keys_of(sent: list[Request]) -> set[str]:
    return {line for request in sent for line in request.head.split("\r\n") if line.startswith("Idempotency")}


def test_an_authorization_is_a_purchase_with_a_key_of_its_own() -> None:
    hashes = [f"card-{number}" for number in range(20)]
    sent = requests(AuthorizationPlan(pan_hashes=hashes, token="acquirer"), 200)
    assert all(request.head.startswith("POST /api/v1/authorizations HTTP/1.1\r\n") for request in sent)
    assert {request.body["panHash"] for request in sent} == set(hashes)
    assert len(keys_of(sent)) == 200
    hot = requests(AuthorizationPlan(pan_hashes=hashes, token="acquirer", choice="hot"), 50)
    assert {request.body["panHash"] for request in hot} == {"card-0"}


@pytest.mark.parametrize("action", ["capture", "release"])
def test_each_hold_is_ended_once_with_a_key_of_its_own(action: Literal["capture", "release"]) -> None:
    sent = requests(HoldPlan(hold_ids=[8, 12, 16], token="acquirer", action=action), 3)
    assert [request.head.split(" ")[1] for request in sent] == [
        f"/api/v1/holds/{hold_id}/{action}" for hold_id in (8, 12, 16)
    ]
    assert len(keys_of(sent)) == 3
    assert ("amount" in sent[0].body) == (action == "capture")


def test_a_plan_survives_the_way_to_the_generator() -> None:
    assert msgspec.json.decode(msgspec.json.encode(plan("zipf")), type=TransferPlan) == plan("zipf")
