"""Who gets in: callers by their tokens or keys, as often as their surface's limits allow, from where their
client may call, and signed where it has to sign."""

import hashlib
from collections.abc import Mapping

from api.back_office.envelope import VERSION
from api.exchange import ApiError, Exchange, unavailable
from api.request_signatures import require_signature
from api.surfaces import ALL, EVERY_REQUEST, Admission, Limits
from application.access import CallRules, Claims, InvalidToken, UnknownKey
from application.store import StoreUnavailable
from infrastructure.caller_addresses import is_listed
from infrastructure.rate_limits import Limit
from infrastructure.runtime import Services

_FACTORS = {"documented": 1, "sandbox": 10, "off": 0}
API_KEY_LENGTH_MAX = 255
# What looks after the service asks from wherever it stands, and is told nothing of what is in it.
HEALTH = frozenset({"/health/live", "/health/ready"})


def unauthorized() -> ApiError:
    return ApiError(
        401,
        "unauthorized",
        "Missing or invalid authentication token",
        headers={"WWW-Authenticate": "Bearer"},
    )


def address_refused() -> ApiError:
    return ApiError(403, "ip_not_allowed", "The client may not call from this address")


def is_allowed_address(services: Services, exchange: Exchange, rules: CallRules | None) -> bool:
    """Whether the client may call from where the request comes from, as far as that is known."""
    return rules is None or not rules.ip_allowlist or _is_from(services, exchange, rules.ip_allowlist)


def _is_from(services: Services, exchange: Exchange, networks: tuple[str, ...]) -> bool:
    address = services.caller_addresses.of(exchange.peer, exchange.every_header(b"x-forwarded-for"))
    return address is not None and is_listed(address, networks)


class Admitting:
    def __init__(self, services: Services) -> None:
        self._services = services
        self._networks = services.settings.allowed_networks
        factor = _FACTORS[services.settings.effective_rate_limits]
        self._limits: Mapping[str, Limits] = {
            surface.name: _scaled(surface.admission.limits(services.settings), factor)
            for surface in ALL
            if surface.admission is not None
        }

    def require_network(self, exchange: Exchange) -> None:
        """403 from outside the networks that the whole service is for."""
        if (
            self._networks
            and exchange.routed_path not in HEALTH
            and not _is_from(self._services, exchange, self._networks)
        ):
            raise ApiError(403, "ip_not_allowed", "Calls from this address are not taken")

    async def admit(self, exchange: Exchange) -> None:
        """Makes the caller known to the exchange, and counts the request.

        401 without a valid token or key, 429 where a limit is used up, 403 from an address that the client
        may not call from.
        """
        surface = exchange.surface
        admission = surface.admission
        assert admission is not None, "nobody is admitted to the others"
        caller = exchange.caller = await self._authenticate(exchange, admission)
        kind = EVERY_REQUEST
        if admission.kind_of is not None:
            kind = admission.kind_of(exchange.method, exchange.routed_path)
        limits = self._limits[surface.name][kind]
        if limits:
            who = caller.subject if admission.counted_by == "user" else caller.client_id
            await self._count(exchange, limits, f"{surface.name}:{caller.tenant}:{who}")
        try:
            rules = exchange.rules = self._services.client_directory.rules(caller.client_id)
        except StoreUnavailable:
            raise unavailable() from None
        if rules is not None and not is_allowed_address(self._services, exchange, rules):
            raise address_refused()

    async def check(self, exchange: Exchange) -> None:
        """What else is asked where keys are taken, once the size of the body is known to be fine.

        401 where a signature is missing or wrong, 400 for another version than there is.
        """
        rules = exchange.rules
        if rules is not None and rules.signing_secret is not None:
            await require_signature(exchange, rules.signing_secret, self._services.nonces)
        version = exchange.headers.get(b"x-api-version")
        if version is not None and version != VERSION.encode():
            raise ApiError(400, "UNSUPPORTED_API_VERSION", f"The version is {VERSION}", field="X-API-Version")

    async def _count(self, exchange: Exchange, limits: tuple[Limit, ...], key: str) -> None:
        verdict = await self._services.rate_limiter.hit(key, limits, self._services.clock.now())
        exchange.rate = verdict
        if not verdict.allowed:
            raise ApiError(429, "rate_limit", "Too many requests")

    async def _authenticate(self, exchange: Exchange, admission: Admission) -> Claims:
        authorization = exchange.header(b"authorization")
        if admission.takes_keys:
            api_key = exchange.headers.get(b"x-api-key")
            if api_key is not None:
                return await self._of_key(api_key, authorization)
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise unauthorized()
        tokens, now = self._services.tokens, self._services.clock.now()
        try:
            return tokens.verify(token, now)
        except UnknownKey:
            return await self._authenticate_slowly(token)
        except InvalidToken:
            raise unauthorized() from None

    async def _authenticate_slowly(self, token: str) -> Claims:
        try:
            return await self._services.tokens.verify_slowly(token, self._services.clock.now())
        except InvalidToken:
            raise unauthorized() from None
        except StoreUnavailable:
            raise unavailable() from None

    async def _of_key(self, api_key: bytes, authorization: str | None) -> Claims:
        if authorization is not None:
            raise ApiError(
                400, "validation_error", "Send an access token or an API key, not both", field="X-API-Key"
            )
        if not 0 < len(api_key) <= API_KEY_LENGTH_MAX:
            raise unauthorized()
        # It is looked up by its hash: how long that takes says nothing of the keys that there are.
        try:
            found = await self._services.client_directory.find_api_key(hashlib.sha256(api_key).hexdigest())
        except StoreUnavailable:
            raise unavailable() from None
        if found is None:
            raise unauthorized()
        return found


def _scaled(limits: Limits, factor: int) -> Limits:
    return {
        kind: tuple(limit._replace(requests=limit.requests * factor) for limit in limits_of_kind if factor)
        for kind, limits_of_kind in limits.items()
    }
