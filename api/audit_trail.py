"""What the audit log keeps of a call: who, on which surface, what, and what came of it. No query string, no
body, and of the path what can be no secret and no personal data."""

import re
from typing import Any

from api.exchange import Exchange
from api.surfaces import SERVICE
from infrastructure.audit_log import AuditLog

HIDDEN = "***"

_NOT_AUDITED = ("/health/", "/metrics")
# What tells who somebody is (an e-mail address, a name) has characters that no identifier here has.
_PLAIN_PATH = re.compile(r"(?:/[A-Za-z0-9._~:-]*)+")
_PLAIN_SEGMENT = re.compile(r"[A-Za-z0-9._~:-]*")
_CARD_NUMBER = re.compile(r"(?:\d[.:_~-]*){12,}", re.ASCII)
_TOKENS_FOLLOW = "password-resets"


def is_audited(exchange: Exchange, path: str) -> bool:
    """All but what machines ask about the service itself, every few seconds."""
    return exchange.surface is not SERVICE or not path.startswith(_NOT_AUDITED)


def note(audit_log: AuditLog, exchange: Exchange, scope: Any, status: int) -> None:
    """`scope` is the request's, its path as it was routed by."""
    tenant, client_id, subject = exchange.accountable
    audit_log.note(
        tenant,
        client_id,
        subject,
        exchange.surface.name,
        scope["method"],
        shown_path(scope["path"], is_known=status != 404),
        status,
        exchange.request_id,
    )


def shown_path(path: str, *, is_known: bool) -> str:
    """The path with what may be a secret or personal hidden. Where nothing is known by it, its numbers may
    be any, also a card's."""
    if (
        _PLAIN_PATH.fullmatch(path)
        and _TOKENS_FOLLOW not in path
        and (is_known or not _CARD_NUMBER.search(path))
    ):
        return path
    shown: list[str] = []
    for segment in path.split("/"):
        is_plain = _PLAIN_SEGMENT.fullmatch(segment) and (is_known or not _CARD_NUMBER.search(segment))
        is_token = bool(shown) and shown[-1] == _TOKENS_FOLLOW
        shown.append(segment if is_plain and not is_token else HIDDEN)
    return "/".join(shown)
