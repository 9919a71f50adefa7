"""The API as a Postman collection (format v2.1), made from the OpenAPI document.

A folder for each tag, a request for each example. Credentials are variables of the collection: whichever
request gets a token keeps it there, and all others send it.
"""

from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any

import msgspec

from api.exchange import encode
from api.operations import JSON

SCHEMA = "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"
BASE_URL, ACCESS_TOKEN, CLIENT_ID, CLIENT_SECRET = "baseUrl", "accessToken", "clientId", "clientSecret"

# Members that are filled in from the collection's variables wherever a form asks for them.
_FORM_VARIABLES: Mapping[str, str] = {
    "client_id": CLIENT_ID,
    "client_secret": CLIENT_SECRET,
    "token": ACCESS_TOKEN,
}
_IDEMPOTENCY_KEY = "Idempotency-Key"
_KEEP_TOKEN = (
    "const answer = pm.response.code === 200 ? pm.response.json() : {};",
    f'if (answer.access_token) pm.collectionVariables.set("{ACCESS_TOKEN}", answer.access_token);',
)


def collection(content: Mapping[str, Any], *, base_url: str, is_sandbox: bool) -> dict[str, Any]:
    """`content` is the OpenAPI document. The sandbox's own client is filled in where there is one."""
    info = content["info"]
    client_id, client_secret = ("sandbox", "sandbox-secret") if is_sandbox else ("", "")
    return {
        "info": {
            "name": info["title"],
            "description": info["description"],
            "version": info["version"],
            "schema": SCHEMA,
        },
        "item": [_folder(content, tag["name"]) for tag in content["tags"]],
        "auth": _bearer(),
        "variable": [
            _variable(BASE_URL, base_url, "Where the service listens."),
            _variable(CLIENT_ID, client_id, "The OAuth client that asks for tokens."),
            _variable(CLIENT_SECRET, client_secret, "Its secret."),
            _variable(ACCESS_TOKEN, "", "Set by the requests that get a token."),
        ],
    }


def _variable(key: str, value: str, description: str) -> dict[str, str]:
    return {"key": key, "value": value, "type": "string", "description": description}


def _named(variable: str) -> str:
    return "{{" + variable + "}}"


def _bearer() -> dict[str, Any]:
    token = {"key": "token", "value": _named(ACCESS_TOKEN), "type": "string"}
    return {"type": "bearer", "bearer": [token]}


def _folder(content: Mapping[str, Any], tag: str) -> dict[str, Any]:
    items = [
        item
        for path, methods in content["paths"].items()
        for method, operation in methods.items()
        if tag in operation["tags"]
        for item in _items(content, path, method, operation)
    ]
    return {"name": tag, "item": items}


def _items(
    content: Mapping[str, Any], path: str, method: str, operation: Mapping[str, Any]
) -> Iterator[dict[str, Any]]:
    """One for each example of its body, or one. What was answered is with the first of them."""
    bodies: list[tuple[str, dict[str, Any] | None]] = [*_bodies(content, operation)] or [("", None)]
    for index, (name, body) in enumerate(bodies):
        title = operation["summary"]
        if len(bodies) > 1:
            title += f" ({name.replace('_', ' ')})"
        request = _request(path, method, operation, body)
        responses = list(_responses(operation, request)) if index == 0 else []
        item: dict[str, Any] = {"name": title, "request": request, "response": responses}
        if _gives_token(content, operation):
            script = {"type": "text/javascript", "exec": list(_KEEP_TOKEN)}
            item["event"] = [{"listen": "test", "script": script}]
        yield item


def _request(
    path: str, method: str, operation: Mapping[str, Any], body: Mapping[str, Any] | None
) -> dict[str, Any]:
    described = [operation["summary"] + ".", operation.get("description", "")]
    if "x-scopes" in operation:
        described.append(f"Scope: {' or '.join(operation['x-scopes'])}.")
    request: dict[str, Any] = {
        "method": method.upper(),
        "header": [_header(parameter) for parameter in _parameters(operation, "header")],
        "url": _url(path, operation),
        "description": " ".join(part for part in described if part),
    }
    if not operation["security"]:
        request["auth"] = {"type": "noauth"}
    if body is not None:
        request["body"] = body
        if body["mode"] == "raw":
            request["header"].append({"key": "Content-Type", "value": JSON})
    return request


def _parameters(operation: Mapping[str, Any], place: str) -> list[Mapping[str, Any]]:
    return [parameter for parameter in operation.get("parameters", []) if parameter["in"] == place]


def _url(path: str, operation: Mapping[str, Any]) -> dict[str, Any]:
    steps = [f":{step[1:-1]}" if step.startswith("{") else step for step in path.strip("/").split("/")]
    url: dict[str, Any] = {
        "raw": "/".join([_named(BASE_URL), *steps]),
        "host": [_named(BASE_URL)],
        "path": steps,
    }
    in_path, in_query = _parameters(operation, "path"), _parameters(operation, "query")
    if in_path:
        url["variable"] = [
            {"key": each["name"], "value": _example(each), "description": each["description"]}
            for each in in_path
        ]
    if in_query:
        url["query"] = [_optional(each, {"value": _example(each)}) for each in in_query]
        sent = "&".join(f"{each['key']}={each['value']}" for each in url["query"] if not each["disabled"])
        url["raw"] += f"?{sent}" if sent else ""
    return url


def _header(parameter: Mapping[str, Any]) -> dict[str, Any]:
    if parameter["name"] == _IDEMPOTENCY_KEY:
        # A new one each time the request is sent.
        described = {"value": "{{$guid}}", "description": parameter["description"]}
        return {"key": _IDEMPOTENCY_KEY, **described, "disabled": False}
    return _optional(parameter, {"value": _example(parameter)})


def _optional(parameter: Mapping[str, Any], value: Mapping[str, str]) -> dict[str, Any]:
    """Listed, and sent only where it has to be."""
    return {
        "key": parameter["name"],
        **value,
        "description": parameter["description"],
        "disabled": not parameter["required"],
    }


def _example(parameter: Mapping[str, Any]) -> str:
    if "example" in parameter:
        return str(parameter["example"])
    return str(next(iter(parameter["schema"].get("enum", [])), ""))


def _bodies(content: Mapping[str, Any], operation: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for media_type, described in operation.get("requestBody", {}).get("content", {}).items():
        examples = {name: example["value"] for name, example in described.get("examples", {}).items()}
        if media_type == JSON:
            for name, value in examples.items():
                yield name, {"mode": "raw", "raw": _text(value), "options": {"raw": {"language": "json"}}}
        else:
            given = examples or {"": _empty_form(content, described["schema"])}
            for name, form in given.items():
                yield name, {"mode": "urlencoded", "urlencoded": _form(form)}


def _form(values: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [
        {"key": name, "value": _named(_FORM_VARIABLES[name]) if name in _FORM_VARIABLES else str(value)}
        for name, value in values.items()
    ]


def _empty_form(content: Mapping[str, Any], schema: Mapping[str, Any]) -> dict[str, str]:
    """What a form must have, with nothing filled in but what can only be one thing."""
    properties: Mapping[str, Any] = _resolved(content, schema)["properties"]
    return {name: str(next(iter(kind.get("enum", [])), "")) for name, kind in properties.items()}


def _responses(operation: Mapping[str, Any], request: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for status, answer in operation["responses"].items():
        for media_type, described in answer.get("content", {}).items():
            if "example" in described:
                yield {
                    "name": answer["description"],
                    "originalRequest": request,
                    "status": HTTPStatus(int(status)).phrase,
                    "code": int(status),
                    "header": [{"key": "Content-Type", "value": media_type}],
                    "body": _text(described["example"]),
                }


def _gives_token(content: Mapping[str, Any], operation: Mapping[str, Any]) -> bool:
    answers = operation["responses"].get("200", {}).get("content", {})
    schema = answers.get(JSON, {}).get("schema", {})
    return "access_token" in _resolved(content, schema).get("properties", {})


def _resolved(content: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    if "$ref" not in schema:
        return schema
    found: Mapping[str, Any] = content["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return found


def _text(value: Any) -> str:
    """JSON as people read it, with all digits of its amounts."""
    return msgspec.json.format(encode(value), indent=2).decode()
