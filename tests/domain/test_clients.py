"""What a client is follows from its events, and what does not go together is refused."""

from datetime import UTC, datetime, timedelta

import pytest

from domain import clients, errors
from domain.clients import (
    PRIMARY,
    SECONDARY,
    ApiKey,
    Client,
    ClientDeleted,
    ClientRegistered,
    ClientSettings,
    evolve,
)

AT = datetime(2025, 10, 20, 15, 30, tzinfo=UTC)
LATER = AT + timedelta(hours=1)
SETTINGS = ClientSettings("Terminals", ("banking.read", "banking.write"))
REGISTERED = ClientRegistered("client_1", SETTINGS, "hash", "sealed", AT)


def registered() -> Client:
    return evolve(None, REGISTERED)


def test_a_client_is_registered_once() -> None:
    assert clients.register(None, REGISTERED) is REGISTERED
    with pytest.raises(errors.ClientExists):
        clients.register(registered(), REGISTERED)
    with pytest.raises(errors.ClientExists):
        clients.register(evolve(registered(), ClientDeleted()), REGISTERED)


def test_each_event_makes_it_newer() -> None:
    """So that of two views of a client one can tell which is the later one."""
    client = registered()
    assert (client.revision, client.created_at, client.updated_at) == (1, AT, AT)
    client = evolve(client, clients.update(ClientSettings("Other", ("gl.read",)), LATER))
    assert (client.revision, client.settings.name, client.updated_at) == (2, "Other", LATER)
    client = evolve(client, clients.rotate_key(client, PRIMARY, "k", None, LATER))
    client = evolve(client, ClientDeleted())
    assert (client.revision, client.is_deleted, client.created_at) == (4, True, AT)


def test_codes_need_somewhere_to_be_sent() -> None:
    with pytest.raises(errors.InvalidClientSettings) as refusal:
        clients.update(ClientSettings("Terminals", ("gl.read",), ("authorization_code",)), AT)
    assert refusal.value.field == "redirect_uris"


def test_a_rotated_key_takes_the_place_of_the_one_before() -> None:
    """Primary and secondary apart; scopes as asked, as before, or all of the client's."""
    client = registered()
    client = evolve(client, clients.rotate_key(client, PRIMARY, "one", None, AT))
    client = evolve(client, clients.rotate_key(client, SECONDARY, "two", ("banking.read",), AT))
    assert client.api_keys == {
        PRIMARY: ApiKey("one", SETTINGS.scopes),
        SECONDARY: ApiKey("two", ("banking.read",)),
    }
    client = evolve(client, clients.rotate_key(client, SECONDARY, "three", None, LATER))
    assert client.api_keys[SECONDARY] == ApiKey("three", ("banking.read",))
    assert client.api_keys[PRIMARY].key_hash == "one"
    with pytest.raises(errors.InvalidClientSettings) as refusal:
        clients.rotate_key(client, PRIMARY, "four", ("gl.write",), LATER)
    assert refusal.value.field == "scopes"


def test_a_deleted_client_is_not_found() -> None:
    assert clients.require(registered(), "client_1").client_id == "client_1"
    for gone in (None, evolve(registered(), ClientDeleted())):
        with pytest.raises(errors.ClientNotFound):
            clients.require(gone, "client_1")
