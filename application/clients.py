"""Commands on OAuth clients: register, change, delete, rotate an API key."""

import msgspec

from application.decision import Decision
from application.idempotency import RequestKey, once
from domain import clients
from domain.clients import Client, ClientSettings, KeyKind
from domain.errors import DomainError


def _streams(client_id: str, key: RequestKey | None) -> tuple[str, ...]:
    own = clients.stream(client_id)
    return (own,) if key is None else (own, key.stream)


class SecretSource(msgspec.Struct, frozen=True):
    """What a secret that is shown once was made from, together with what is not recorded.

    So a request that is sent again under its idempotency key is answered with the same secret, although
    only its hash is kept (see `infrastructure.client_secrets`).
    """

    salt: str


class RegisterClient(msgspec.Struct, frozen=True):
    """`client_id` is new; the secrets were hashed and sealed for it. Their form was checked before."""

    client_id: str
    settings: ClientSettings
    secret_hash: str
    signing_secret: str
    source: SecretSource = SecretSource("")
    key: RequestKey | None = None

    def streams(self) -> tuple[str, ...]:
        return _streams(self.client_id, self.key)


class ClientAnswer(msgspec.Struct, frozen=True):
    """A client as it was answered, without hashes; `created_at` and `updated_at` as ISO 8601.

    `source` is what its secrets were made from, where they were new.
    """

    client_id: str
    settings: ClientSettings
    created_at: str
    updated_at: str
    source: SecretSource | None = None


def register_client(decision: Decision, command: RegisterClient) -> ClientAnswer | DomainError:
    """Refuses with ClientExists."""
    return once(decision, command.key, ClientAnswer, lambda: _register(decision, command))


def _register(decision: Decision, command: RegisterClient) -> ClientAnswer:
    stream = clients.stream(command.client_id)
    registered = clients.ClientRegistered(
        command.client_id, command.settings, command.secret_hash, command.signing_secret, decision.at
    )
    decision.record(stream, clients.register(decision.load(stream), registered))
    return msgspec.structs.replace(_answer(decision, command.client_id), source=command.source)


class SettingsChange(msgspec.Struct, frozen=True):
    """What is None stays as it is."""

    name: str | None = None
    scopes: tuple[str, ...] | None = None
    grant_types: tuple[str, ...] | None = None
    redirect_uris: tuple[str, ...] | None = None
    require_signing: bool | None = None
    ip_allowlist: tuple[str, ...] | None = None


class UpdateClient(msgspec.Struct, frozen=True):
    client_id: str
    change: SettingsChange
    key: RequestKey | None = None

    def streams(self) -> tuple[str, ...]:
        return _streams(self.client_id, self.key)


def update_client(decision: Decision, command: UpdateClient) -> ClientAnswer | DomainError:
    """Raises ClientNotFound; refuses with InvalidClientSettings."""
    return once(decision, command.key, ClientAnswer, lambda: _update(decision, command))


def _update(decision: Decision, command: UpdateClient) -> ClientAnswer:
    client = _require(decision, command.client_id)
    given = {
        name: value for name, value in msgspec.structs.asdict(command.change).items() if value is not None
    }
    updated = clients.update(msgspec.structs.replace(client.settings, **given), decision.at)
    decision.record(clients.stream(command.client_id), updated)
    return _answer(decision, command.client_id)


class DeleteClient(msgspec.Struct, frozen=True):
    client_id: str
    key: RequestKey | None = None

    def streams(self) -> tuple[str, ...]:
        return _streams(self.client_id, self.key)


def delete_client(decision: Decision, command: DeleteClient) -> ClientAnswer | DomainError:
    """Answers the client as it was. Raises ClientNotFound."""
    return once(decision, command.key, ClientAnswer, lambda: _delete(decision, command))


def _delete(decision: Decision, command: DeleteClient) -> ClientAnswer:
    _require(decision, command.client_id)
    answer = _answer(decision, command.client_id)
    decision.record(clients.stream(command.client_id), clients.ClientDeleted())
    return answer


class RotateApiKey(msgspec.Struct, frozen=True):
    """`scopes` None: as before, or all of the client's."""

    client_id: str
    kind: KeyKind
    key_hash: str
    source: SecretSource
    scopes: tuple[str, ...] | None = None
    key: RequestKey | None = None

    def streams(self) -> tuple[str, ...]:
        return _streams(self.client_id, self.key)


class RotatedApiKey(msgspec.Struct, frozen=True):
    """`created_at` as ISO 8601."""

    client_id: str
    kind: KeyKind
    scopes: tuple[str, ...]
    created_at: str
    source: SecretSource


def rotate_api_key(decision: Decision, command: RotateApiKey) -> RotatedApiKey | DomainError:
    """Raises ClientNotFound; refuses with InvalidClientSettings."""
    return once(decision, command.key, RotatedApiKey, lambda: _rotate(decision, command))


def _rotate(decision: Decision, command: RotateApiKey) -> RotatedApiKey:
    client = _require(decision, command.client_id)
    rotated = clients.rotate_key(client, command.kind, command.key_hash, command.scopes, decision.at)
    decision.record(clients.stream(command.client_id), rotated)
    return RotatedApiKey(
        command.client_id, rotated.kind, rotated.scopes, rotated.rotated_at.isoformat(), command.source
    )


class CurrentClient(msgspec.Struct, frozen=True):
    client_id: str

    def streams(self) -> tuple[str, ...]:
        return _streams(self.client_id, None)


def current_client(decision: Decision, command: CurrentClient) -> Client | None:
    """The client as it is now, deleted or not; None where there never was one."""
    client: Client | None = decision.load(clients.stream(command.client_id))
    return client


def _require(decision: Decision, client_id: str) -> Client:
    return clients.require(decision.load(clients.stream(client_id)), client_id)


def _answer(decision: Decision, client_id: str) -> ClientAnswer:
    client = _require(decision, client_id)
    return ClientAnswer(
        client_id, client.settings, client.created_at.isoformat(), client.updated_at.isoformat()
    )
