"""`daybook openapi`: the API's description for programs, without a service that runs."""

from typing import Annotated

from cyclopts import Parameter
from litestar import Litestar

from api import sandbox
from api.app import ROUTES
from api.command_line.exits import Exit
from api.command_line.printing import print_json
from api.openapi import document


def openapi(
    *,
    with_sandbox: Annotated[
        bool, Parameter(name="--sandbox", negative="", help="the sandbox's endpoints too")
    ] = False,
) -> int:
    """Print the API as an OpenAPI 3.1 document: what a service answers at /docs/openapi.json."""
    routes = [*ROUTES, *(sandbox.ROUTES if with_sandbox else ())]
    print_json(document(Litestar(route_handlers=routes, openapi_config=None), is_sandbox=with_sandbox))
    return Exit.OK
