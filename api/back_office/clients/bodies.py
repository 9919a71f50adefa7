"""What is shown of clients. Secrets only where they are new."""

from datetime import datetime
from typing import Any, Literal

from api.back_office.clients.documents import ApiKeyShown, ClientShown, NewClientShown
from api.instants import whole_seconds
from application.clients import ClientAnswer, RotatedApiKey
from projections.clients import ClientView


def client(shown: ClientAnswer | ClientView, status: Literal["active", "deleted"] = "active") -> ClientShown:
    return ClientShown(**_members(shown), status=status)


def new_client(shown: ClientAnswer, client_secret: str, signing_secret: str) -> NewClientShown:
    return NewClientShown(
        **_members(shown), status="active", client_secret=client_secret, signing_secret=signing_secret
    )


def api_key(rotated: RotatedApiKey, key: str) -> ApiKeyShown:
    return ApiKeyShown(
        rotated.client_id,
        rotated.kind,
        key,
        list(rotated.scopes),  # type: ignore[arg-type]  # none but known ones
        _instant(rotated.created_at),
    )


def _members(shown: ClientAnswer | ClientView) -> dict[str, Any]:
    settings = shown.settings
    return {
        "client_id": shown.client_id,
        "name": settings.name,
        "scopes": list(settings.scopes),
        "grant_types": list(settings.grant_types),
        "redirect_uris": list(settings.redirect_uris),
        "require_signing": settings.require_signing,
        "ip_allowlist": list(settings.ip_allowlist),
        "created_at": _instant(shown.created_at),
        "updated_at": _instant(shown.updated_at),
    }


def _instant(at: datetime | str) -> str:
    return whole_seconds(datetime.fromisoformat(at) if isinstance(at, str) else at)
