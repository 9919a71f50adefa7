"""The OpenAPI document describes all that is served, as it is served; the page shows it to people."""

import json
import re
import subprocess
import sys
from decimal import Decimal
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import httpx
import jsonschema_rs
import msgspec
import pytest
from litestar import Litestar

from api.app import ROUTES
from api.openapi import described_routes, document
from api.sandbox import ROUTES as SANDBOX_ROUTES
from tests.api.transfer_requests import CHECKING, TRANSFERS, change, created_id, interbank, internal
from tests.sandbox_service import SandboxService

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
)


@pytest.fixture(scope="module")
def described(running_sandbox: SandboxService) -> dict[str, Any]:
    response = running_sandbox.http.get("/docs/openapi.json")
    assert response.status_code == 200
    content: dict[str, Any] = response.json()
    return content


def served() -> Litestar:
    return Litestar([*ROUTES, *SANDBOX_ROUTES], openapi_config=None)


def test_every_route_describes_itself() -> None:
    """None is left to be described by its path alone."""
    assert [path for path, _, operation in described_routes(served()) if operation.tag == "Other"] == []


def test_every_route_is_in_the_document(described: dict[str, Any]) -> None:
    """As it is served: path by path and method by method, with every path's parameters."""
    routes = {(path, method.lower()) for path, method, _ in described_routes(served())}
    documented = {(path, method) for path, methods in described["paths"].items() for method in methods}
    assert documented == routes
    assert (TRANSFERS, "post") in routes
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            named = {p["name"] for p in operation.get("parameters", []) if p["in"] == "path"}
            assert named == set(re.findall(r"{(\w+)}", path)), (method, path)


def test_outside_the_sandbox_its_routes_are_not_in_the_document() -> None:
    """What does not exist is not described."""
    content = document(Litestar([*ROUTES], openapi_config=None), is_sandbox=False)
    assert not [path for path in content["paths"] if path.startswith("/sandbox")]
    assert "sandbox" not in json.dumps(content["components"]["securitySchemes"])


def test_the_document_is_openapi_3_1(described: dict[str, Any]) -> None:
    """Unique operation ids, and no reference that leads nowhere."""
    assert described["openapi"] == "3.1.0"
    operations = [operation for methods in described["paths"].values() for operation in methods.values()]
    ids = [operation["operationId"] for operation in operations]
    assert len(ids) == len(set(ids))
    for reference in re.findall(r'"\$ref": "([^"]+)"', json.dumps(described)):
        found: Any = described
        for step in reference.removeprefix("#/").split("/"):
            found = found[step]
    assert described["components"]["securitySchemes"]["bearer"]["scheme"] == "bearer"
    for operation in operations:
        assert operation["security"] in ([], [{"bearer": []}], [{"bearer": []}, {"api_key": []}])
        assert ("401" in operation["responses"]) >= bool(operation["security"])


def test_examples_are_what_their_schemas_say(described: dict[str, Any]) -> None:
    """Those of requests and those of answers."""
    count = 0
    for methods in described["paths"].values():
        for operation in methods.values():
            bodies = [operation["requestBody"]] if "requestBody" in operation else []
            for body in [*bodies, *operation["responses"].values()]:
                for content in body.get("content", {}).values():
                    examples = [example["value"] for example in content.get("examples", {}).values()]
                    for example in examples + ([content["example"]] if "example" in content else []):
                        validate(described, content["schema"], example)
                        count += 1
    assert count > 20


def test_amounts_in_examples_keep_their_digits(running_sandbox: SandboxService) -> None:
    """500.00 is not 500.0 where it stands for money."""
    text = running_sandbox.http.get("/docs/openapi.json").text
    assert '"amount":500.00' in text
    assert '"fee":2.50' in text


def test_the_documented_requests_can_be_sent(demo: httpx.Client, described: dict[str, Any]) -> None:
    """Each example does in the sandbox what its name says, and the answers are as described."""
    operation = described["paths"][TRANSFERS]["post"]
    statuses = {}
    for name, example in operation["requestBody"]["content"]["application/json"]["examples"].items():
        response = demo.post(TRANSFERS, json=example["value"])
        statuses[name] = response.status_code
        answer = operation["responses"][str(response.status_code)]
        validate(described, answer["content"]["application/json"]["schema"], response.json())
    assert statuses == {
        "internal": 201,
        "insufficient_balance": 400,
        "second_factor": 201,
        "network_failure": 201,
    }


def test_real_answers_are_what_the_document_says(
    sandbox: SandboxService, demo: httpx.Client, described: dict[str, Any]
) -> None:
    """A transfer of each kind at each stage: nothing sent is undescribed, nothing described is missing."""
    ids = [created_id(demo, internal("described-1")), created_id(demo, interbank("described-2"))]
    waiting = created_id(demo, interbank("described-3", 5500))
    failing = created_id(demo, interbank("described-4", 1, external_routing_number="999999999"))
    answers: list[tuple[str, str, httpx.Response]] = [
        ("/api/transfers-v2/{transfer_id}", "patch", change(demo, waiting, "verify_mfa", mfa_code="123456")),
        ("/api/transfers-v2/{transfer_id}", "patch", change(demo, waiting, "cancel")),
        ("/api/transfers-v2/{transfer_id}", "patch", change(demo, waiting, "cancel")),
    ]
    for _ in range(3):
        for transfer_id in (*ids, waiting, failing):
            answers.append(("/api/transfers-v2/{transfer_id}", "get", demo.get(f"{TRANSFERS}/{transfer_id}")))
        answers.append((TRANSFERS, "get", demo.get(TRANSFERS)))
        balance = demo.get(f"/api/accounts/{CHECKING}/balance")
        answers.append(("/api/accounts/{account_id}/balance", "get", balance))
        sandbox.advance(2 * 86400)
    for path, method, response in answers:
        answer = described["paths"][path][method]["responses"][str(response.status_code)]
        validate(described, closed(answer["content"]["application/json"]["schema"]), response.json())


def test_the_page_needs_nothing_but_itself(running_sandbox: SandboxService) -> None:
    """Every operation and every schema on it; no script, nothing loaded from anywhere."""
    response = running_sandbox.http.get("/docs")
    assert response.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in response.headers["Content-Security-Policy"]
    page = _Page()
    page.feed(response.text)
    page.close()
    assert page.open_elements == []
    assert not page.elements & {"script", "link", "img", "iframe", "object", "embed", "form", "base"}
    assert page.links - {"/docs/openapi.json", "/docs/postman.json"} <= {f"#{name}" for name in page.ids}
    described = running_sandbox.http.get("/docs/openapi.json").json()
    assert set(described["components"]["schemas"]) <= page.ids
    for methods in described["paths"].values():
        assert {operation["operationId"] for operation in methods.values()} <= page.ids


def test_no_request_makes_the_service_break_its_word(
    sandbox: SandboxService, described: dict[str, Any], tmp_path: Path
) -> None:
    """Generated requests of every kind, good and bad: statuses, types and bodies are the documented ones."""
    explore(sandbox, described, tmp_path, examples_max=4)


@pytest.mark.slow
def test_no_request_makes_the_service_break_its_word_at_length(
    sandbox: SandboxService, described: dict[str, Any], tmp_path: Path
) -> None:
    """The same with many more requests."""
    explore(sandbox, described, tmp_path, examples_max=150)


def explore(sandbox: SandboxService, described: dict[str, Any], folder: Path, examples_max: int) -> None:
    """Runs Schemathesis over the document against the running service."""
    file = folder / "openapi.json"
    file.write_text(json.dumps(with_receivers_on_loopback(without_what_takes_long(described))))
    token = sandbox.token(expires_in=10**8)
    command = [sys.executable, "-m", "schemathesis.cli", "run", str(file), "--url", sandbox.url]
    command += ["--header", f"Authorization: Bearer {token}", "--checks", ",".join(CHECKS)]
    command += ["--phases", "examples,coverage,fuzzing", "--max-examples", str(examples_max)]
    command += ["--seed", "20251020", "--no-color", "--warnings", "off"]
    finished = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=1800, check=False)
    assert finished.returncode == 0, finished.stdout[-20_000:] + finished.stderr[-5_000:]
    assert "Traceback" not in sandbox.log()


def without_what_takes_long(described: dict[str, Any]) -> dict[str, Any]:
    """A position far ahead is waited for, and then 503 as documented; a tenant takes a while to make; a moved
    clock ends the token that the run goes by. All three have tests of their own."""
    content: dict[str, Any] = json.loads(json.dumps(described))
    for methods in content["paths"].values():
        for operation in methods.values():
            kept = [p for p in operation.get("parameters", []) if p["name"] != "X-Min-Position"]
            operation["parameters"] = kept
    for path in ("/sandbox/clock", "/sandbox/tokens", "/sandbox/reset"):
        content["paths"][path].pop("post", None)
    return content


def with_receivers_on_loopback(content: dict[str, Any]) -> dict[str, Any]:
    """Webhooks that are subscribed to send nothing to anybody else's machine."""
    paths = content["paths"]
    for operation in (
        paths["/api/v1/admin/webhooks"]["post"],
        paths["/backoffice/v1/webhooks"]["post"],
        paths["/backoffice/v1/webhooks/{webhookId}"]["put"],
    ):
        del operation["requestBody"]["content"]["application/json"]["examples"]
    url = {"type": "string", "pattern": r"^http://127\.0\.0\.1:9/[a-z]{0,8}$"}
    for name in ("CardWebhookRequest", "WebhookRequest", "WebhookChange"):
        content["components"]["schemas"][name]["properties"]["url"] = url
    return content


def validate(described: dict[str, Any], schema: dict[str, Any], value: Any) -> None:
    jsonschema_rs.Draft202012Validator(schema | {"components": described["components"]}).validate(value)


def closed(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema that takes no member which it does not name."""
    return schema | {"unevaluatedProperties": False}


class _Page(HTMLParser):
    """What is in a page of HTML, and whether all that is opened is closed."""

    _VOID = ("meta",)

    def __init__(self) -> None:
        super().__init__()
        self.open_elements: list[str] = []
        self.elements: set[str] = set()
        self.links: set[str] = set()
        self.ids: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.elements.add(tag)
        if tag not in self._VOID:
            self.open_elements.append(tag)
        if given.get("href") is not None:
            self.links.add(str(given["href"]))
        if given.get("id") is not None:
            self.ids.add(str(given["id"]))
        assert "src" not in given

    def handle_endtag(self, tag: str) -> None:
        assert self.open_elements.pop() == tag


def test_numbers_of_examples_are_exact() -> None:
    """The document is made of exact decimals until it is written."""
    content = document(served(), is_sandbox=True)
    answer = content["paths"][TRANSFERS]["post"]["responses"]["201"]["content"]["application/json"]
    assert answer["example"]["transfer"]["amount"] == Decimal("500.00")
    assert b"500.00" in msgspec.json.Encoder(decimal_format="number").encode(answer["example"])
