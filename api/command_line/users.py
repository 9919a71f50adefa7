"""`daybook users`: the users of a bank, where nobody is there yet who could create others."""

import asyncio
import sys
from typing import Annotated

import msgspec
from cyclopts import Parameter

from api.back_office.users.requests import MEMBERS, AskedUser, read_password, read_user
from api.command_line.database import choose_tenant, open_database, open_services
from api.command_line.exits import CommandFailed, Exit
from api.command_line.options import ANY_TENANT, AsJson, OfTenant, settings_from
from api.command_line.printing import print_json
from api.exchange import ApiError
from application.users import UserAnswer
from application.writer import Origin
from domain.errors import EmailExists
from domain.users import CUSTOMER

CREATING = Origin("users", "create")


def create(
    *,
    name: Annotated[str, Parameter(help="the person's name")],
    email: Annotated[str, Parameter(help="their e-mail address, which they sign in with")],
    phone: Annotated[str | None, Parameter(help="their phone number with its country code")] = None,
    role: Annotated[
        str, Parameter(help="admin, teller, compliance, finance, auditor or customer")
    ] = CUSTOMER,
    password_stdin: Annotated[
        bool, Parameter(negative="", help="read a password from the standard input, to sign in with")
    ] = False,
    json: AsJson = False,
    of: OfTenant = ANY_TENANT,
) -> int:
    """Create a user, and print the new id."""
    given = {"name": name, "email": email, "phone": phone, "role": role}
    password = sys.stdin.readline().rstrip("\r\n") if password_stdin else None
    with open_database(settings_from(of)) as opened:
        asked = _read(given, password, is_sandbox=opened.settings.sandbox)

        async def create_user() -> UserAnswer:
            tenant, _ = choose_tenant(opened, of.tenant)
            async with open_services(opened) as services:
                ledger = await services.ledger(tenant)
                outcome = await services.users.create(
                    ledger, asked.person, asked.role, CREATING, password=password
                )
                created: UserAnswer = outcome.answer
                return created

        try:
            created = asyncio.run(create_user())
        except EmailExists:
            raise CommandFailed("another user has this e-mail address", Exit.CHECK_FAILED) from None
    if json:
        print_json({"id": created.user_id, "role": created.role, "status": created.status})
    else:
        print(created.user_id)
    return Exit.OK


def _read(given: dict[str, str | None], password: str | None, *, is_sandbox: bool) -> AskedUser:
    """As the service reads it. Raises CommandFailed for what it would refuse."""
    members = {member: _raw(given[member]) for member in MEMBERS}
    try:
        if password is not None:
            read_password(_raw(password))
        return read_user(members, is_sandbox=is_sandbox)
    except ApiError as error:
        raise CommandFailed(error.message, Exit.WRONG_USAGE) from None


def _raw(text: str | None) -> msgspec.Raw:
    try:
        return msgspec.Raw(msgspec.json.encode(text))
    except UnicodeEncodeError:
        # Bytes of the command line that are no text.
        return msgspec.Raw(b"0")
