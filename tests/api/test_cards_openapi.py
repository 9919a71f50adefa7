"""Authorizations and holds are described as they are served: what can be sent, and what is answered."""

from typing import Any

import httpx
import pytest

from tests.api.card_requests import (
    ACCOUNT,
    ALTERNATIVE_PREFIX,
    AUTHORIZATIONS,
    FAILURE,
    HOLDS,
    LONG,
    LOW_FUNDS,
    RELEASE,
    REVERSAL,
    challenged,
    issue,
    purchase,
)
from tests.api.test_openapi import closed, validate
from tests.sandbox_service import SandboxService


@pytest.fixture(scope="module")
def described(running_card_sandbox: SandboxService) -> dict[str, Any]:
    content: dict[str, Any] = running_card_sandbox.http.get("/docs/openapi.json").json()
    return content


def documented_requests(described: dict[str, Any], path: str) -> dict[str, Any]:
    content = described["paths"][path]["post"]["requestBody"]["content"]["application/json"]
    return {name: example["value"] for name, example in content["examples"].items()}


def test_each_route_is_described_once(described: dict[str, Any]) -> None:
    """Below the plain prefix; the other one is the same."""
    assert AUTHORIZATIONS in described["paths"]
    assert not [path for path in described["paths"] if path.startswith(ALTERNATIVE_PREFIX)]


def test_the_documented_requests_can_be_sent(centre: httpx.Client, described: dict[str, Any]) -> None:
    """Each does what its name says, one after the other."""
    examples = documented_requests(described, AUTHORIZATIONS)
    sent = {name: centre.post(AUTHORIZATIONS, json=example) for name, example in examples.items()}
    assert {name: answer.status_code for name, answer in sent.items()} == {
        "approved": 200,
        "declined": 422,
        "challenged": 202,
        "refund": 200,
    }
    hold_id = sent["approved"].json()["holdId"]
    captures = documented_requests(described, HOLDS + "/{holdId}/capture")
    statuses = [
        centre.post(f"{HOLDS}/{hold_id}/capture", json=captures[name]).status_code for name in ("all", "part")
    ]
    assert statuses == [200, 409]
    path = AUTHORIZATIONS + "/{requestId}/challenge-complete"
    target = path.replace("{requestId}", str(sent["challenged"].json()["requestId"]))
    completions = documented_requests(described, path)
    assert [centre.post(target, json=completions[name]).status_code for name in completions] == [200, 409]


def test_answers_are_what_the_document_says(centre: httpx.Client, described: dict[str, Any]) -> None:
    """Every decision and every state of a hold, and refusals: nothing that is sent is undescribed."""
    answers: list[tuple[str, str, httpx.Response]] = []

    def sent(method: str, path: str, body: Any = None, **ids: int) -> dict[str, Any]:
        response = centre.request(method, path.format(**ids), json=body)
        answers.append((path.partition("?")[0], method.lower(), response))
        content: dict[str, Any] = response.json()
        return content

    decision, request = AUTHORIZATIONS + "/{decisionId}", AUTHORIZATIONS + "/request/{requestId}"
    reverse = AUTHORIZATIONS + "/{requestId}/reverse"
    complete = AUTHORIZATIONS + "/{requestId}/challenge-complete"
    hold, capture, release = (HOLDS + "/{holdId}" + end for end in ("", "/capture", "/release"))
    part = {"amount": 25, "currency": "USD", "reference": "SETTLEMENT-1", "final": False}

    for card in (LONG, issue(centre, "described")):
        challenge = sent("POST", AUTHORIZATIONS, challenged(card))
        sent("POST", complete, FAILURE if card is LONG else None, requestId=challenge["requestId"])
        sent("POST", complete, FAILURE, requestId=challenge["requestId"])
    for body in (purchase(), purchase(transactionType="REFUND"), purchase(LOW_FUNDS), purchase(amount=-1)):
        made = sent("POST", AUTHORIZATIONS, body)
        for path in (decision, request, reverse, request):
            ids = {"requestId": made.get("requestId", 1), "decisionId": made.get("decisionId", 1)}
            sent("POST" if path is reverse else "GET", path, REVERSAL if path is reverse else None, **ids)
    hold_id = sent("POST", AUTHORIZATIONS, purchase())["holdId"]
    for method, path, content in (
        ("GET", hold, None),
        ("POST", capture, part),
        ("POST", capture, part | {"amount": 1000}),
        ("GET", hold, None),
        ("POST", release, RELEASE),
        ("POST", release, RELEASE),
        ("POST", capture, part),
        ("GET", hold, None),
    ):
        sent(method, path, content, holdId=hold_id)
    sent("GET", HOLDS + f"?accountId={ACCOUNT}")
    sent("GET", HOLDS + f"?accountId={ACCOUNT}&size=0")
    sent("GET", HOLDS + "?accountId=nobody")
    statuses = {response.status_code for _, _, response in answers}
    assert statuses == {200, 202, 400, 404, 409, 415, 422}
    for path, method, response in answers:
        answer = described["paths"][path][method]["responses"][str(response.status_code)]
        validate(described, closed(answer["content"]["application/json"]["schema"]), response.json())
