"""`daybook clients` and `daybook keys`: where a bank's first client and its keys come from."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from application.access import InvalidClient
from infrastructure.embedded_postgres import EmbeddedPostgres
from infrastructure.runtime import Services
from infrastructure.settings import Settings
from tests.api.command_line_runs import TENANT, daybook


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    data = tmp_path_factory.mktemp("bank") / "data"
    assert daybook("migrate", "--data", data, "--tenant", TENANT).code == 0
    with EmbeddedPostgres(data) as postgres:
        yield postgres


@pytest.fixture
def data(bank: EmbeddedPostgres) -> Path:
    return bank.data_dir


def test_a_created_client_can_authenticate(bank: EmbeddedPostgres, data: Path) -> None:
    """With the secret that is printed; and it is what was asked for."""
    ran = daybook(
        *("clients", "create", "Mobile app", "--data", data, "--json"),
        *("--scope", "transfers banking.read", "--scope", "gl.read"),
        *("--grant-type", "authorization_code", "--grant-type", "refresh_token"),
        *("--redirect-uri", "https://app.example/callback", "--role", "wallet_manager"),
        *("--require-signing", "--ip-allow", "192.0.2.0/24"),
    )
    assert ran.code == 0, ran.errors
    made = ran.json()
    assert made.keys() == {"client_id", "client_secret", "signing_secret", "tenant"}
    assert made["tenant"] == TENANT

    async def look() -> None:
        services = Services(Settings(data=data), bank.dsn, bank.dsn, None)
        await services.start()
        try:
            client = await services.oauth_clients.authenticate(made["client_id"], made["client_secret"])
            assert (client.name, client.tenant) == ("Mobile app", TENANT)
            assert client.scopes == {"transfers", "banking.read", "gl.read"}
            assert client.grant_types == {"authorization_code", "refresh_token"}
            assert client.redirect_uris == ("https://app.example/callback",)
            assert client.roles == {"wallet_manager"}
            rules = services.oauth_clients.rules(made["client_id"])
            assert rules is not None
            assert (rules.ip_allowlist, rules.signing_secret) == (("192.0.2.0/24",), made["signing_secret"])
            with pytest.raises(InvalidClient):
                await services.oauth_clients.authenticate(made["client_id"], made["signing_secret"])
        finally:
            await services.close()

    asyncio.run(look())
    listed = daybook("clients", "list", "--data", data, "--json").json()
    assert made["client_id"] in [client["client_id"] for client in listed]
    table = daybook("clients", "list", "--data", data).output
    assert "Mobile app" in table and made["client_secret"] not in table


def test_secrets_are_printed_for_people_too(data: Path) -> None:
    ran = daybook("clients", "create", "Terminals", "--scope", "banking.read", "--data", data)
    assert ran.code == 0
    lines = dict(line.split(maxsplit=2)[::2] for line in ran.output.splitlines() if len(line.split()) == 3)
    assert {"client", "signing"} & lines.keys()
    assert "client secret" in ran.output and "signing secret" in ran.output


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--scope", "no.such"), "there is no scope 'no.such'"),
        (("--scope", ""), "--scope must name at least one"),
        (("--scope", "gl.read", "--grant-type", "password"), "there is no grant type 'password'"),
        (("--scope", "gl.read", "--role", "king"), "there is no role 'king'"),
        (("--scope", "gl.read", "--grant-type", "authorization_code"), "needs a --redirect-uri"),
        (("--scope", "gl.read", "--redirect-uri", "http://app.example/"), "must be https"),
        (("--scope", "gl.read", "--ip-allow", "everywhere"), "is no network"),
    ],
)
def test_what_is_wrong_is_told_in_one_line(data: Path, arguments: tuple[str, ...], told: str) -> None:
    ran = daybook("clients", "create", "Wrong", "--data", data, *arguments)
    assert (ran.code, ran.output) == (2, "")
    assert told in ran.errors and ran.errors.count("\n") == 1


def test_a_name_must_be_one(data: Path) -> None:
    for name in ("", "x" * 141, "a\tb"):
        assert daybook("clients", "create", name, "--scope", "gl.read", "--data", data).code == 2


def test_keys_are_rotated_and_older_ones_retired(data: Path) -> None:
    first = daybook("keys", "rotate", "--data", data, "--json").json()
    second = daybook("keys", "rotate", "--data", data, "--json").json()
    assert first["key_id"] != second["key_id"]
    assert second["older_retired"] is False
    ran = daybook("keys", "rotate", "--retire-older", "--data", data)
    assert ran.code == 0 and "Older keys have ended" in ran.output


@pytest.mark.parametrize("command", ["clients", "keys"])
def test_the_help_says_what_there_is(command: str) -> None:
    ran = daybook(command, "--help")
    assert ran.code == 0
    assert f"daybook {command}" in ran.output
