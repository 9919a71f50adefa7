"""The sandbox's own endpoints: tokens for the asking, a clock that can be moved, starting over."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

import msgspec
from litestar import get, post

from api.context import HttpRequest, JsonResponse, exchange_of, json_body, respond, services_of
from api.exchange import ApiError
from application.access import ALL_ROLES, ALL_SCOPES
from infrastructure.sandbox import SANDBOX_TENANT
from infrastructure.tenants import TENANT_NAME_LENGTH_MAX

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=255)]
TOKEN_LIFETIME_SECONDS_MAX = 10 * 365 * 86400
ADVANCE_SECONDS_MAX = 10 * 365 * 86400


class TokenBody(msgspec.Struct):
    subject: Name = "user_demo"
    client_id: Name = "sandbox"
    scope: str | None = None
    roles: list[Name] | None = None
    tenant: Annotated[str, msgspec.Meta(min_length=1, max_length=TENANT_NAME_LENGTH_MAX)] = SANDBOX_TENANT
    expires_in: Annotated[int, msgspec.Meta(ge=1, le=TOKEN_LIFETIME_SECONDS_MAX)] = 3600


class ClockBody(msgspec.Struct):
    advance_seconds: Annotated[int, msgspec.Meta(le=ADVANCE_SECONDS_MAX)] | None = None
    set: datetime | None = None


_token_decoder = msgspec.json.Decoder(TokenBody)
_clock_decoder = msgspec.json.Decoder(ClockBody)


@post("/sandbox/tokens", status_code=200)
async def issue_token(request: HttpRequest) -> JsonResponse:
    body = await json_body(request, _token_decoder) if await exchange_of(request).body() else TokenBody()
    services = services_of(request)
    await services.sandbox.ensure_tenant(body.tenant)
    token = services.tokens.issue(
        subject=body.subject,
        client_id=body.client_id,
        scopes=ALL_SCOPES if body.scope is None else frozenset(body.scope.split()),
        roles=ALL_ROLES if body.roles is None else frozenset(body.roles),
        tenant=body.tenant,
        lifetime_seconds=body.expires_in,
        now=services.clock.now(),
    )
    return respond({"access_token": token, "token_type": "Bearer", "expires_in": body.expires_in})


@get("/sandbox/clock")
async def read_clock(request: HttpRequest) -> JsonResponse:
    return respond({"now": services_of(request).clock.now()})


@post("/sandbox/clock", status_code=200)
async def move_clock(request: HttpRequest) -> JsonResponse:
    body = await json_body(request, _clock_decoder)
    services = services_of(request)
    now = services.clock.now()
    match body.advance_seconds, body.set:
        case int(seconds), None:
            target = now + timedelta(seconds=seconds)
        case None, datetime() as instant if instant.tzinfo is not None:
            target = instant.astimezone(UTC)
        case _:
            raise ApiError(400, "validation_error", "Give advance_seconds, or set with a time zone")
    if target < now:
        raise ApiError(400, "validation_error", "The clock only moves forward")
    await services.sandbox.move_clock(target)
    return respond({"now": services.clock.now()})


@post("/sandbox/reset", status_code=204)
async def reset(request: HttpRequest) -> None:
    await services_of(request).sandbox.reset()


ROUTES = (issue_token, read_clock, move_clock, reset)
