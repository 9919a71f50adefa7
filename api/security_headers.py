"""What every answer tells browsers: that it is what it says it is, belongs in nobody's frame and cache, and
that the next request, too, has to come over TLS."""

from api.exchange import Exchange
from infrastructure.caller_addresses import CallerAddresses, read_address

Headers = list[tuple[bytes, bytes]]

# The HTTP server adds them, also to what it refuses by itself because it is no HTTP.
ON_EVERY_ANSWER = (
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
    ("Referrer-Policy", "no-referrer"),
)

# Unless an answer has its own: pages say what they load, keys may be kept for a while.
_DEFAULTS: Headers = [
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"cache-control", b"no-store"),
]
_REPLACEABLE = frozenset(name for name, _ in _DEFAULTS)
_TLS_ONLY = (b"strict-transport-security", b"max-age=63072000; includeSubDomains")


def security_headers(sent: Headers, exchange: Exchange, proxies: CallerAddresses) -> Headers:
    """What an answer with the headers `sent` has to say beside those of every answer."""
    headers = _DEFAULTS
    # Hardly any answer has one of them, and every answer comes by here.
    if not _REPLACEABLE.isdisjoint(sent_names := [name for name, _ in sent]):
        headers = [header for header in _DEFAULTS if header[0] not in sent_names]
    if is_behind_tls(exchange, proxies):
        return [*headers, _TLS_ONLY]
    return headers


def is_behind_tls(exchange: Exchange, proxies: CallerAddresses) -> bool:
    """Whether the caller's own connection is encrypted: to here, or to a proxy that is trusted to say so."""
    if exchange.scheme == "https":
        return True
    said = exchange.headers.get(b"x-forwarded-proto")
    return (
        said is not None
        and said.strip().lower() == b"https"
        and proxies.is_proxy(read_address(exchange.peer or ""))
    )
