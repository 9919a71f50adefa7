"""The OpenAPI 3.1 document, made from the routes that are served and from what each says about itself.

A route carries its description as `operation=`. One without is still in the document, by its path and method,
so that nothing that is served is left out.
"""

from collections.abc import Iterator, Mapping, Sequence
from http import HTTPStatus
from typing import Any

import msgspec
from litestar import Litestar
from litestar.routes import HTTPRoute

from api.operations import Answer, Operation, Parameter
from api.surfaces import surface_of

TITLE = "Daybook"
VERSION = "0.1.0"
DESCRIPTION = (
    "An event-sourced, double-entry bank ledger. Amounts are exact decimal numbers, times are UTC by the"
    " ledger's clock, and every answer carries `X-Request-ID`."
)
BEARER, API_KEY = "bearer", "api_key"
_REF = "#/components/schemas/{name}"

_HEADERS: Mapping[str, tuple[str, dict[str, Any]]] = {
    "X-Ledger-Position": ("Position of the last event that was recorded.", {"type": "integer"}),
    "Retry-After": ("Seconds to wait before trying again.", {"type": "integer"}),
    "Location": ("Where the browser goes on.", {"type": "string"}),
    "WWW-Authenticate": ("How to authenticate.", {"type": "string"}),
}


def document(app: Litestar, *, is_sandbox: bool) -> dict[str, Any]:
    """The document for all that `app` serves. In the sandbox it also says how to get a token."""
    operations = list(described_routes(app))
    schemas = _Schemas([operation for _, _, operation in operations])
    paths: dict[str, dict[str, Any]] = {}
    for path, method, operation in operations:
        paths.setdefault(path, {})[method.lower()] = _operation(path, method, operation, schemas)
    tags = dict.fromkeys(operation.tag for _, _, operation in operations)
    return {
        "openapi": "3.1.0",
        "info": {"title": TITLE, "version": VERSION, "description": DESCRIPTION},
        "servers": [{"url": "/"}],
        "tags": [{"name": tag} for tag in tags],
        "paths": paths,
        "components": {
            "schemas": schemas.components,
            "headers": {name: _header(*described) for name, described in _HEADERS.items()},
            "securitySchemes": {BEARER: _bearer(is_sandbox), API_KEY: _API_KEY},
        },
    }


def described_routes(app: Litestar) -> Iterator[tuple[str, str, Operation]]:
    """Path, method and description of all that is served, in the order of paths; what is served once more
    below another path is left out there."""
    for route in sorted(app.routes, key=lambda route: route.path):
        if not isinstance(route, HTTPRoute):
            continue
        for handler in route.route_handlers:
            if not handler.resolve_include_in_schema():
                continue
            for method in sorted(handler.http_methods):
                # The framework answers OPTIONS everywhere by itself.
                if method != "OPTIONS":
                    given = handler.opt.get("operation")
                    yield route.path_format, str(method), given or _undescribed(handler.handler_name)


def _undescribed(name: str) -> Operation:
    return Operation("Other", name.replace("_", " ").capitalize(), {200: Answer("Done.")})


class _Schemas:
    """The schemas of all types that the operations name, each once, and references to them."""

    def __init__(self, operations: Sequence[Operation]) -> None:
        types: dict[Any, None] = {}
        for operation in operations:
            for kind in (*operation.bodies, *(p.schema for p in operation.parameters)):
                types[kind] = None
            for answer in operation.answers.values():
                for kind in _alternatives(answer.body):
                    types[kind] = None
        schemas, self.components = msgspec.json.schema_components(types, ref_template=_REF)
        self._by_type = dict(zip(types, schemas, strict=True))

    def of(self, kinds: Any) -> dict[str, Any]:
        found = [self._by_type[kind] for kind in _alternatives(kinds)]
        return found[0] if len(found) == 1 else {"anyOf": found}


def _alternatives(body: Any) -> tuple[Any, ...]:
    if body is None:
        return ()
    return body if isinstance(body, tuple) else (body,)


def _operation(path: str, method: str, operation: Operation, schemas: _Schemas) -> dict[str, Any]:
    described: dict[str, Any] = {
        "tags": [operation.tag],
        "summary": operation.summary,
        "operationId": _operation_id(path, method),
    }
    if operation.description:
        described["description"] = operation.description
    if operation.parameters:
        described["parameters"] = [_parameter(parameter, schemas) for parameter in operation.parameters]
    if operation.bodies:
        described["requestBody"] = _request_body(operation, schemas)
    described["responses"] = {
        str(status): _answer(answer, schemas) for status, answer in sorted(operation.answers.items())
    }
    described["security"] = _security(path) if operation.needs_token else []
    if operation.scopes:
        described["x-scopes"] = list(operation.scopes)
    return described


def _security(path: str) -> list[dict[str, list[str]]]:
    admission = surface_of(path).admission
    return [{BEARER: []}, {API_KEY: []}] if admission is not None and admission.takes_keys else [{BEARER: []}]


def _operation_id(path: str, method: str) -> str:
    words = "".join(letter if letter.isalnum() else " " for letter in path).split()
    return "_".join([method.lower(), *words])


def _parameter(parameter: Parameter, schemas: _Schemas) -> dict[str, Any]:
    described: dict[str, Any] = {
        "name": parameter.name,
        "in": parameter.place,
        "description": parameter.description,
        "required": parameter.is_required,
        "schema": schemas.of(parameter.schema),
    }
    if parameter.example is not None:
        described["example"] = parameter.example
    return described


def _request_body(operation: Operation, schemas: _Schemas) -> dict[str, Any]:
    content: dict[str, Any] = {"schema": schemas.of(operation.bodies)}
    if operation.examples:
        content["examples"] = {name: {"value": value} for name, value in operation.examples.items()}
    return {"required": operation.is_body_required, "content": {operation.media_type: content}}


def _answer(answer: Answer, schemas: _Schemas) -> dict[str, Any]:
    described: dict[str, Any] = {"description": answer.description}
    if answer.headers:
        described["headers"] = {name: {"$ref": f"#/components/headers/{name}"} for name in answer.headers}
    if answer.body is not None:
        content: dict[str, Any] = {"schema": schemas.of(answer.body)}
        if answer.example is not None:
            content["example"] = answer.example
        as_text = {media_type: {"schema": {"type": "string"}} for media_type in answer.also}
        described["content"] = {answer.media_type: content, **as_text}
    return described


def _header(description: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": description, "schema": schema}


def _bearer(is_sandbox: bool) -> dict[str, Any]:
    source = "POST /sandbox/tokens or POST /oauth/token" if is_sandbox else "POST /oauth/token"
    return {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": f"An access token, as {source} gives it.",
    }


_API_KEY = {
    "type": "apiKey",
    "in": "header",
    "name": "X-API-Key",
    "description": "A client's primary or secondary key, instead of an access token.",
}


def status_phrase(status: str) -> str:
    return HTTPStatus(int(status)).phrase
