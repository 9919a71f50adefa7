"""`daybook keys`: the keys that access tokens are signed with."""

import asyncio
from typing import Annotated

from cyclopts import Parameter

from api.command_line.database import open_database, open_services
from api.command_line.exits import Exit
from api.command_line.options import ANY_DATABASE, AsJson, InDatabase, settings_from
from api.command_line.printing import print_json


def rotate(
    *,
    retire_older: Annotated[
        bool, Parameter(negative="", help="end all tokens that the older keys signed, as after a theft")
    ] = False,
    json: AsJson = False,
    database: InDatabase = ANY_DATABASE,
) -> int:
    """Sign tokens with a new key. What the older ones signed stays valid, unless they are retired.

    Running processes are told, and go over to it at once.
    """

    async def work() -> str:
        async with open_services(opened) as services:
            key_id = await services.tokens.keys.rotate()
            if retire_older:
                await services.tokens.keys.retire_older()
            return key_id

    with open_database(settings_from(database)) as opened:
        key_id = asyncio.run(work())
    if json:
        print_json({"key_id": key_id, "older_retired": retire_older})
    else:
        print(
            f"Tokens are signed with {key_id}. Older keys {'have ended' if retire_older else 'still verify'}."
        )
    return Exit.OK
