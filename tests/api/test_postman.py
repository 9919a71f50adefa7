"""The Postman collection: well formed, complete, and what it sends works as it comes."""

import json
import re
import uuid
from collections.abc import Iterator
from typing import Any, Literal

import httpx
import msgspec
import pytest
from litestar import Litestar
from msgspec import Struct

from api.app import ROUTES
from api.openapi import document
from api.postman import collection
from tests.sandbox_service import SandboxService

# The parts of the format (v2.1) that are used. Nothing else may be in it.


class Strict(Struct, forbid_unknown_fields=True, kw_only=True):
    """No member but those that are named."""


class Pair(Strict):
    key: str
    value: str
    type: Literal["string"] | None = None
    description: str = ""
    disabled: bool = False


class Info(Strict):
    name: str
    description: str
    version: str
    schema: Literal["https://schema.getpostman.com/json/collection/v2.1.0/collection.json"]


class Auth(Strict):
    type: Literal["bearer", "noauth"]
    bearer: list[Pair] = []


class Url(Strict):
    raw: str
    host: list[str]
    path: list[str]
    query: list[Pair] = []
    variable: list[Pair] = []


class Body(Strict):
    mode: Literal["raw", "urlencoded"]
    raw: str = ""
    urlencoded: list[Pair] = []
    options: dict[Literal["raw"], dict[Literal["language"], Literal["json"]]] = {}


class PostmanRequest(Strict):
    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
    header: list[Pair]
    url: Url
    description: str
    auth: Auth | None = None
    body: Body | None = None


class SavedResponse(Strict, rename={"original_request": "originalRequest"}):
    name: str
    original_request: PostmanRequest
    status: str
    code: int
    header: list[Pair]
    body: str


class Script(Strict):
    type: Literal["text/javascript"]
    exec: list[str]


class Event(Strict):
    listen: Literal["test"]
    script: Script


class Item(Strict):
    name: str
    request: PostmanRequest
    response: list[SavedResponse]
    event: list[Event] = []


class Folder(Strict):
    name: str
    item: list[Item]


class Collection(Strict):
    info: Info
    item: list[Folder]
    auth: Auth
    variable: list[Pair]

    def items(self) -> Iterator[Item]:
        for folder in self.item:
            yield from folder.item


@pytest.fixture(scope="module")
def served(running_sandbox: SandboxService) -> Collection:
    response = running_sandbox.http.get("/docs/postman.json")
    assert response.status_code == 200
    return msgspec.json.decode(response.content, type=Collection)


@pytest.fixture(scope="module")
def described(running_sandbox: SandboxService) -> dict[str, Any]:
    content: dict[str, Any] = running_sandbox.http.get("/docs/openapi.json").json()
    return content


def path_of(request: PostmanRequest) -> str:
    """As the OpenAPI document writes it."""
    return "/" + "/".join(f"{{{step[1:]}}}" if step.startswith(":") else step for step in request.url.path)


def test_every_operation_is_in_it_and_no_other(served: Collection, described: dict[str, Any]) -> None:
    """Under its tag, with its parameters, and an item for each example of its body."""
    operations = {
        (path, method.upper()): operation
        for path, methods in described["paths"].items()
        for method, operation in methods.items()
    }
    counts: dict[tuple[str, str], int] = {}
    for folder in served.item:
        for item in folder.item:
            key = (path_of(item.request), item.request.method)
            counts[key] = counts.get(key, 0) + 1
            assert operations[key]["tags"] == [folder.name]
            named = {pair.key for pair in (*item.request.url.query, *item.request.url.variable)}
            named |= {pair.key for pair in item.request.header} - {"Content-Type"}
            assert named == {parameter["name"] for parameter in operations[key].get("parameters", [])}
    for key, operation in operations.items():
        contents = operation.get("requestBody", {}).get("content", {}).values()
        assert counts[key] == max(1, *(len(each.get("examples", {})) for each in contents), 1), key


def test_every_variable_that_is_used_is_there(served: Collection) -> None:
    """Each of its own, and each step of a path that stands for something."""
    text = msgspec.json.encode(served).decode()
    used = set(re.findall(r"{{([^}]+)}}", text)) - {"$guid"}
    assert used == {pair.key for pair in served.variable}
    for item in served.items():
        steps = {step[1:] for step in item.request.url.path if step.startswith(":")}
        assert steps == {pair.key for pair in item.request.url.variable}


def test_amounts_keep_their_digits(served: Collection) -> None:
    bodies = [item.request.body.raw for item in served.items() if item.request.body is not None]
    assert any('"amount": 100.00' in body for body in bodies)


def test_outside_the_sandbox_no_credentials_are_filled_in() -> None:
    """And what does not exist there is not in it."""
    content = document(Litestar([*ROUTES], openapi_config=None), is_sandbox=False)
    made = collection(content, base_url="https://ledger.example.com", is_sandbox=False)
    values = {pair["key"]: pair["value"] for pair in made["variable"]}
    assert values == {
        "baseUrl": "https://ledger.example.com",
        "clientId": "",
        "clientSecret": "",
        "accessToken": "",
    }
    assert "Sandbox" not in [folder["name"] for folder in made["item"]]


def test_its_requests_are_answered_as_they_are_documented(
    sandbox: SandboxService, served: Collection, described: dict[str, Any]
) -> None:
    """Sent from top to bottom as Postman does, tokens kept as its scripts do: none is malformed."""
    variables = {pair.key: pair.value for pair in served.variable}
    assert variables["baseUrl"] == sandbox.url
    # The back office's requests end the demo user, among others.
    tokens = {"/api/": sandbox.token(), "/": sandbox.token(subject="operator")}
    kept = 0
    for item in served.items():
        path = path_of(item.request)
        # The clock and the fixtures are left alone, and so is the token that the run goes by.
        if path in ("/sandbox/clock", "/sandbox/reset") or path.endswith("/revoke"):
            continue
        variables["accessToken"] = next(tokens[start] for start in tokens if path.startswith(start))
        response = sandbox.http.send(built(sandbox.http, item.request, variables))
        documented = described["paths"][path][item.request.method.lower()]["responses"]
        assert str(response.status_code) in documented, (item.name, response.status_code, response.text)
        assert response.status_code not in (401, 405, 415, 500), (item.name, response.text)
        if item.event and response.status_code == 200:
            assert response.json()["access_token"]
            kept += 1
    assert kept >= 3


def test_answers_are_shown_with_the_requests_that_they_are_to(served: Collection) -> None:
    shown = [(item, response) for item in served.items() for response in item.response]
    assert len(shown) > 20
    for item, response in shown:
        assert response.original_request == item.request
        assert json.loads(response.body) is not None


def built(client: httpx.Client, request: PostmanRequest, variables: dict[str, str]) -> httpx.Request:
    """What Postman sends: variables replaced, what is disabled left out."""

    def filled(text: str) -> str:
        text = text.replace("{{$guid}}", str(uuid.uuid4()))
        return re.sub(r"{{(\w+)}}", lambda match: variables[match[1]], text)

    in_path = {f":{pair.key}": filled(pair.value) or "primary" for pair in request.url.variable}
    url = "/".join([filled(request.url.host[0]), *(in_path.get(step, step) for step in request.url.path)])
    headers = {pair.key: filled(pair.value) for pair in request.header if not pair.disabled}
    if request.auth is None:
        headers["Authorization"] = f"Bearer {variables['accessToken']}"
    query = {pair.key: filled(pair.value) for pair in request.url.query if not pair.disabled}
    if request.body is None:
        return client.build_request(request.method, url, params=query, headers=headers)
    if request.body.mode == "raw":
        body = filled(request.body.raw).encode()
        return client.build_request(request.method, url, params=query, headers=headers, content=body)
    form = {pair.key: filled(pair.value) for pair in request.body.urlencoded}
    return client.build_request(request.method, url, params=query, headers=headers, data=form)
