"""The API's documentation: the OpenAPI document, and a page for people made from it.

The page is one file without scripts, so that it also reads where nothing else may be loaded.
"""

from collections.abc import Iterator
from html import escape
from typing import Any

import msgspec
from litestar import Litestar, Response, get

from api.context import HttpRequest, JsonResponse, respond, services_of
from api.exchange import encode
from api.openapi import document, status_phrase
from api.operations import Answer, Operation
from api.postman import collection

TAG = "Service"
_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none';"
    " frame-ancestors 'none'"
)

_STYLE = """
body { margin: 0 auto; max-width: 60rem; padding: 1rem; color: #1b1f24; background: #fff;
       font: 16px/1.5 system-ui, sans-serif; }
h2 { margin-top: 3rem; border-bottom: 1px solid #d0d7de; }
h3 { margin-top: 2rem; font-size: 1rem; overflow-wrap: anywhere; }
h3 b { display: inline-block; min-width: 4.5rem; color: #0b5394; }
pre { padding: .75rem; overflow-x: auto; background: #f6f8fa; border-radius: 4px; font-size: 13px; }
table { border-collapse: collapse; width: 100%; font-size: 14px; }
td, th { padding: .3rem .6rem; border: 1px solid #d0d7de; text-align: left; vertical-align: top; }
details { margin: .4rem 0; }
summary { cursor: pointer; }
@media (prefers-color-scheme: dark) {
  body { color: #e6edf3; background: #0d1117; } pre { background: #161b22; } h3 b { color: #79b8ff; }
  a { color: #79b8ff; }
}
"""


def _document(request: HttpRequest) -> dict[str, Any]:
    app: Litestar = request.app
    is_sandbox = services_of(request).settings.sandbox
    known: dict[str, Any] | None = getattr(app.state, "openapi_document", None)
    if known is None:
        known = app.state.openapi_document = document(app, is_sandbox=is_sandbox)
    return known


class OpenApiDocument(msgspec.Struct):
    """An OpenAPI 3.1 document."""

    openapi: str
    info: dict[str, Any]
    paths: dict[str, Any]
    components: dict[str, Any]


@get(
    "/docs/openapi.json",
    operation=Operation(
        TAG,
        "This document",
        {200: Answer("The API as an OpenAPI 3.1 document.", OpenApiDocument)},
    ),
)
async def openapi(request: HttpRequest) -> JsonResponse:
    return respond(_document(request))


class PostmanCollection(msgspec.Struct):
    """A Postman collection, format v2.1."""

    info: dict[str, Any]
    item: list[dict[str, Any]]
    auth: dict[str, Any]
    variable: list[dict[str, Any]]


@get(
    "/docs/postman.json",
    operation=Operation(
        TAG,
        "The API as a Postman collection",
        {200: Answer("To be imported into Postman.", PostmanCollection)},
        description="Its first request for a token keeps it for all others.",
    ),
)
async def postman(request: HttpRequest) -> JsonResponse:
    settings = services_of(request).settings
    content = _document(request)
    return respond(collection(content, base_url=settings.url, is_sandbox=settings.sandbox))


@get(
    "/docs",
    operation=Operation(
        TAG,
        "The documentation as a page",
        {200: Answer("A page of HTML.", str, media_type="text/html")},
    ),
)
async def page(request: HttpRequest) -> Response[bytes]:
    body = "".join(_page(_document(request))).encode()
    return Response(body, media_type="text/html", headers={"Content-Security-Policy": _POLICY})


ROUTES = (openapi, postman, page)


def _page(content: dict[str, Any]) -> Iterator[str]:
    title = escape(content["info"]["title"])
    yield '<!doctype html><html lang="en"><head><meta charset="utf-8">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield f"<title>{title} API</title><style>{_STYLE}</style></head><body><h1>{title} API</h1>"
    yield f"<p>{_prose(content['info']['description'])}</p>"
    yield '<p>For programs: <a href="/docs/openapi.json">OpenAPI 3.1</a>,'
    yield ' <a href="/docs/postman.json">a Postman collection</a>.</p>'
    yield f"<p>{_prose(content['components']['securitySchemes']['bearer']['description'])}</p>"
    for tag in content["tags"]:
        yield f"<h2>{escape(tag['name'])}</h2>"
        for path, methods in content["paths"].items():
            for method, operation in methods.items():
                if tag["name"] in operation["tags"]:
                    yield from _section(path, method, operation)
    yield "<h2>Bodies</h2>"
    for name, schema in content["components"]["schemas"].items():
        yield f'<details id="{escape(name)}"><summary>{escape(name)}</summary>{_json(schema)}</details>'
    yield "</body></html>"


def _section(path: str, method: str, operation: dict[str, Any]) -> Iterator[str]:
    yield f'<h3 id="{operation["operationId"]}"><b>{method.upper()}</b> {escape(path)}</h3>'
    yield f"<p>{_prose(operation['summary'])}. {_prose(operation.get('description', ''))}</p>"
    scopes = operation.get("x-scopes")
    yield f"<p>Scope: {escape(' or '.join(scopes))}</p>" if scopes else ""
    yield from _parameters(operation.get("parameters", []))
    for media_type, content in operation.get("requestBody", {}).get("content", {}).items():
        yield f"<p>Request, {escape(media_type)}: {_names(content['schema'])}</p>"
        for name, example in content.get("examples", {}).items():
            title = _prose(name.replace("_", " "))
            yield f"<details><summary>{title}</summary>{_json(example['value'])}</details>"
    for status, answer in operation["responses"].items():
        yield from _answer(status, answer)


def _parameters(parameters: list[dict[str, Any]]) -> Iterator[str]:
    if not parameters:
        return
    yield "<table><tr><th>Parameter</th><th>In</th><th>Meaning</th></tr>"
    for parameter in parameters:
        values = parameter["schema"].get("enum")
        among = f" One of {', '.join(values)}." if values else ""
        yield (
            f"<tr><td>{escape(parameter['name'])}</td><td>{escape(parameter['in'])}</td>"
            f"<td>{_prose(parameter['description'] + among)}</td></tr>"
        )
    yield "</table>"


def _answer(status: str, answer: dict[str, Any]) -> Iterator[str]:
    title = f"{status} {status_phrase(status)}"
    yield f"<details><summary>{escape(title)}: {_prose(answer['description'])}</summary>"
    for content in answer.get("content", {}).values():
        yield f"<p>{_names(content['schema'])}</p>"
        if "example" in content:
            yield _json(content["example"])
    yield "</details>"


def _names(schema: dict[str, Any]) -> str:
    """Links to the schemas that a body may have."""
    alternatives = schema.get("anyOf", [schema])
    references = [kind["$ref"].rpartition("/")[2] for kind in alternatives if "$ref" in kind]
    return " or ".join(f'<a href="#{escape(name)}">{escape(name)}</a>' for name in references)


def _json(value: Any) -> str:
    text = msgspec.json.format(encode(value), indent=2).decode()
    return f"<pre>{escape(text)}</pre>"


def _prose(text: str) -> str:
    """Text with `code` in it."""
    parts = escape(text).split("`")
    return "".join(f"<code>{part}</code>" if index % 2 else part for index, part in enumerate(parts))
