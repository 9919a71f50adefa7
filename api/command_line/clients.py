"""`daybook clients`: the OAuth clients of a bank, where no client is there yet that could register others."""

import asyncio
from typing import Annotated

from cyclopts import Parameter

from api.back_office.clients.requests import is_redirect_uri
from api.command_line.database import Opened, choose_tenant, open_database, open_services
from api.command_line.exits import CommandFailed, Exit
from api.command_line.options import ANY_TENANT, AsJson, OfTenant, settings_from
from api.command_line.printing import console, print_json, table
from application.access import ALL_ROLES, ALL_SCOPES
from application.clients import RegisterClient, SecretSource, register_client
from application.writer import Origin
from domain.clients import AUTHORIZATION_CODE, CLIENT_CREDENTIALS, GRANT_TYPES, Client, ClientSettings
from infrastructure.caller_addresses import read_network
from infrastructure.client_secrets import CLIENT_SECRET, SIGNING_SECRET, new_client_id

CREATING = Origin("clients", "create")
NAME_LENGTH_MAX = 140


def create(
    name: str,
    *,
    scope: Annotated[tuple[str, ...], Parameter(help="a scope; may be given again")],
    grant_type: Annotated[
        tuple[str, ...], Parameter(help="a grant type; may be given again (default: client_credentials)")
    ] = (CLIENT_CREDENTIALS,),
    redirect_uri: Annotated[
        tuple[str, ...], Parameter(help="where users are sent back to; may be given again")
    ] = (),
    role: Annotated[tuple[str, ...], Parameter(help="a role of the client's own tokens")] = (),
    require_signing: Annotated[
        bool, Parameter(negative="", help="the client has to sign what it sends to the back office")
    ] = False,
    ip_allow: Annotated[
        tuple[str, ...], Parameter(help="a network (CIDR) it may call from; may be given again")
    ] = (),
    json: AsJson = False,
    of: OfTenant = ANY_TENANT,
) -> int:
    """Register an OAuth client, and print its secrets, which are shown only now."""
    settings = ClientSettings(
        name,
        tuple(word for words in scope for word in words.split()),
        grant_type,
        redirect_uri,
        require_signing,
        ip_allow,
        role,
    )
    _check(settings)

    async def register() -> dict[str, str]:
        tenant, _ = choose_tenant(opened, of.tenant)
        async with open_services(opened) as services:
            ledger = await services.ledger(tenant)
            client_id, secrets = new_client_id(), services.client_secrets.new(None)
            command = RegisterClient(
                client_id,
                settings,
                await services.secret_hashes.hash(secrets.made(CLIENT_SECRET)),
                services.seal.close(secrets.made(SIGNING_SECRET), client_id),
                SecretSource(secrets.salt),
            )
            await ledger.execute(register_client, command, CREATING)
            await services.client_registration.publish(ledger, client_id)
            return {
                "client_id": client_id,
                "client_secret": secrets.made(CLIENT_SECRET),
                "signing_secret": secrets.made(SIGNING_SECRET),
                "tenant": tenant,
            }

    with open_database(settings_from(of)) as opened:
        registered = asyncio.run(register())
    if json:
        print_json(registered)
    else:
        for label, value in registered.items():
            print(f"{label.replace('_', ' '):15} {value}")
    return Exit.OK


def list_clients(*, json: AsJson = False, of: OfTenant = ANY_TENANT) -> int:
    """List the bank's OAuth clients."""
    with open_database(settings_from(of)) as opened:
        tenant, _ = choose_tenant(opened, of.tenant)
        clients = asyncio.run(_clients(opened, tenant))
    if json:
        shown = [
            {"client_id": client.client_id, "name": client.settings.name, "scopes": client.settings.scopes}
            for client in clients
        ]
        print_json(shown)
    else:
        rows = [
            (
                client.client_id,
                client.settings.name,
                " ".join(client.settings.scopes),
                " ".join(client.settings.grant_types),
            )
            for client in clients
        ]
        console().print(table(("Client", "Name", "Scopes", "Grant types"), rows))
    return Exit.OK


async def _clients(opened: Opened, tenant: str) -> list[Client]:
    async with open_services(opened) as services:
        return await services.oauth_clients.list_of(tenant)


def _check(settings: ClientSettings) -> None:
    """Raises CommandFailed for what the service would refuse."""
    unknown = [
        *(f"scope {scope!r}" for scope in settings.scopes if scope not in ALL_SCOPES),
        *(f"grant type {grant!r}" for grant in settings.grant_types if grant not in GRANT_TYPES),
        *(f"role {role!r}" for role in settings.roles if role not in ALL_ROLES),
    ]
    if unknown:
        raise CommandFailed(f"there is no {unknown[0]}", Exit.WRONG_USAGE)
    if not settings.scopes:
        raise CommandFailed("--scope must name at least one", Exit.WRONG_USAGE)
    if not (settings.name.isprintable() and 0 < len(settings.name) <= NAME_LENGTH_MAX):
        raise CommandFailed(f"the name must have 1 to {NAME_LENGTH_MAX} characters", Exit.WRONG_USAGE)
    for uri in settings.redirect_uris:
        if not is_redirect_uri(uri):
            raise CommandFailed(f"{uri!r} must be https, or http to a loopback address", Exit.WRONG_USAGE)
    if AUTHORIZATION_CODE in settings.grant_types and not settings.redirect_uris:
        raise CommandFailed("authorization_code needs a --redirect-uri", Exit.WRONG_USAGE)
    for network in settings.ip_allowlist:
        try:
            read_network(network)
        except ValueError:
            raise CommandFailed(f"{network!r} is no network such as 192.0.2.0/24", Exit.WRONG_USAGE) from None
