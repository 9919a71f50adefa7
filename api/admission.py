"""Who gets in: callers by their tokens, as often as their surface's limits allow."""

from collections.abc import Mapping

from api.exchange import ApiError, Exchange, unavailable
from api.surfaces import ALL
from application.access import Claims, InvalidToken, UnknownKey
from application.store import StoreUnavailable
from infrastructure.rate_limits import Limit
from infrastructure.runtime import Services

_FACTORS = {"documented": 1, "sandbox": 10, "off": 0}


def unauthorized() -> ApiError:
    return ApiError(
        401,
        "unauthorized",
        "Missing or invalid authentication token",
        headers={"WWW-Authenticate": "Bearer"},
    )


class Admitting:
    def __init__(self, services: Services) -> None:
        self._services = services
        factor = _FACTORS[services.settings.effective_rate_limits]
        self._limits: Mapping[str, tuple[Limit, ...]] = {
            surface.name: tuple(
                limit._replace(requests=limit.requests * factor)
                for limit in surface.admission.limits(services.settings)
                if factor
            )
            for surface in ALL
            if surface.admission is not None
        }

    async def admit(self, exchange: Exchange) -> None:
        """Makes the caller known to the exchange, and counts the request.

        401 without a valid token, 429 where a limit is used up.
        """
        caller = exchange.caller = await self._authenticate(exchange)
        surface = exchange.surface
        limits = self._limits[surface.name]
        if not limits or surface.admission is None:
            return
        who = caller.subject if surface.admission.counted_by == "user" else caller.client_id
        key = f"{surface.name}:{caller.tenant}:{who}"
        verdict = await self._services.rate_limiter.hit(key, limits, self._services.clock.now())
        exchange.rate = verdict
        if not verdict.allowed:
            raise ApiError(429, "rate_limit", "Too many requests")

    async def _authenticate(self, exchange: Exchange) -> Claims:
        scheme, _, token = (exchange.header(b"authorization") or "").partition(" ")
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
