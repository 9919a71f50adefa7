"""What the log says about clients reaches the directory, also where a process died in between."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from application.access import InvalidClient
from application.clients import DeleteClient, RegisterClient, delete_client, register_client
from domain.clients import ClientSettings
from infrastructure.runtime import Services
from infrastructure.settings import Settings
from infrastructure.tenants import create_tenant, prepare_database

TENANT = "test-bank"
SECRET = "a secret"


@pytest.fixture
def dsn(postgres_dsn: str) -> Iterator[str]:
    """A database of its own, with one bank."""
    name = "client_registration"
    with psycopg.connect(postgres_dsn, autocommit=True) as connection:
        connection.execute(f"create database {name}".encode())
        try:
            dsn = make_conninfo(postgres_dsn, dbname=name)
            prepare_database(dsn)
            create_tenant(dsn, TENANT)
            yield dsn
        finally:
            connection.execute(f"drop database {name} with (force)".encode())


def test_the_next_process_finishes_what_a_crash_left_out(dsn: str, tmp_path: Path) -> None:
    """Events that were written and not published: a client that is new, and one that is gone."""
    settings = Settings(data=tmp_path)

    async def crash() -> None:
        services = Services(settings, dsn, dsn, None)
        await services.start()
        try:
            ledger = await services.ledger(TENANT)
            for client_id in ("kept", "gone"):
                command = RegisterClient(
                    client_id,
                    ClientSettings("Kept", ("gl.read",)),
                    await services.secret_hashes.hash(SECRET),
                    services.seal.close("signing", client_id),
                )
                await ledger.execute(register_client, command)
            await services.client_registration.publish(ledger, "gone")
            await ledger.execute(delete_client, DeleteClient("gone"))
            with pytest.raises(InvalidClient):
                await services.oauth_clients.authenticate("kept", SECRET)
            assert (await services.oauth_clients.authenticate("gone", SECRET)).client_id == "gone"
        finally:
            await services.close()

    async def start_again() -> None:
        services = Services(settings, dsn, dsn, None)
        await services.start()
        try:
            assert services._making_good is not None
            await services._making_good
            assert (await services.oauth_clients.authenticate("kept", SECRET)).client_id == "kept"
            with pytest.raises(InvalidClient):
                await services.oauth_clients.authenticate("gone", SECRET)
            schemas = {TENANT: "bank_test_bank"}
            assert await services.client_registration.make_good(schemas, services.ledger) == 0
        finally:
            await services.close()

    asyncio.run(crash())
    asyncio.run(start_again())


def test_a_client_whose_signing_secret_cannot_be_opened_is_shut_out(dsn: str, tmp_path: Path) -> None:
    """Under another master key it is refused, not let in unsigned; other clients do not notice."""

    async def register(folder: Path) -> None:
        services = Services(Settings(data=folder), dsn, dsn, None)
        await services.start()
        try:
            ledger = await services.ledger(TENANT)
            command = RegisterClient(
                "signer",
                ClientSettings("Signer", ("gl.read",), require_signing=True),
                await services.secret_hashes.hash(SECRET),
                services.seal.close("signing", "signer"),
            )
            await ledger.execute(register_client, command)
            await services.client_registration.publish(ledger, "signer")
            rules = services.oauth_clients.rules("signer")
            assert rules is not None and rules.signing_secret == "signing"
        finally:
            await services.close()

    async def look_from(folder: Path) -> None:
        services = Services(Settings(data=folder), dsn, dsn, None)
        await services.start()
        try:
            rules = services.oauth_clients.rules("signer")
            assert rules is not None
            assert rules.signing_secret is not None and rules.signing_secret != "signing"
        finally:
            await services.close()

    asyncio.run(register(tmp_path / "one"))
    asyncio.run(look_from(tmp_path / "other"))
