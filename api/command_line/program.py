"""The commands of `daybook`, and how they end."""

import os
import sys

from cyclopts import App, CycloptsError

from api.command_line import serving
from api.command_line.exits import EXIT_CODES_HELP, Exit, explain
from api.command_line.options import NONE_GIVEN, ServiceOptions, settings_from
from api.command_line.processes import run_service
from infrastructure.logs import configure_logging

# What a shell reports of a program that SIGINT ended.
INTERRUPTED = 130

app = App(
    name="daybook",
    help="The book of original entry for a bank.",
    help_epilogue=EXIT_CODES_HELP,
    help_format="plaintext",
    suppress_keyboard_interrupt=False,
)


@app.command
def serve(*, options: ServiceOptions = NONE_GIVEN) -> None:
    """Run everything: Postgres where none is configured, the API, the background work."""
    settings = settings_from(options)
    configure_logging(settings.log_level)
    serving.require_tls(settings)
    serving.require_address(settings)
    run_service(settings)


@app.command
def api(*, options: ServiceOptions = NONE_GIVEN) -> None:
    """Run API processes alone, on a database that is prepared."""
    settings = settings_from(options)
    serving.require_database(settings)
    serving.require_tls(settings)
    serving.require_address(settings)
    serving.run_api(settings)


@app.command
def worker(*, options: ServiceOptions = NONE_GIVEN) -> None:
    """Run the background work alone: follow the log, fire timers."""
    settings = settings_from(options)
    serving.require_database(settings)
    serving.run_worker(settings)


# By name, so that the service's processes do not load what only these need.
for _name, _function, _help in (
    ("demo", "demo:demo", "Play a bank's day on a sandbox of its own, and show the books."),
    ("migrate", "administration:migrate", "Bring the database up to date; make a tenant."),
    ("token", "administration:token", "Print an access token."),
    ("replay", "administration:replay", "Rebuild the read models from the events and compare."),
    ("events", "event_export:events", "Print events as JSON lines, once or as they come."),
    ("balance", "reports:balance", "Show an account's balance at any instant."),
    ("trial-balance", "reports:trial_balance", "Show debits and credits of every account code."),
    ("journal", "journals:journal", "Show the journal, or print it as CSV."),
    ("prune-audit-log", "audit_log:prune_audit_log", "Drop old months of the audit log."),
    ("openapi", "documents:openapi", "Print the API as an OpenAPI document."),
    ("import-transactions", "importing:import_transactions", "Post a bank's transactions from a CSV file."),
):
    app.command(f"api.command_line.{_function}", name=_name, help=_help)

_clients = App(name="clients", help="OAuth clients: register the first ones, list them.")
_clients.command(
    "api.command_line.clients:create", name="create", help="Register an OAuth client, and print its secrets."
)
_clients.command("api.command_line.clients:list_clients", name="list", help="List the bank's OAuth clients.")
_keys = App(name="keys", help="The keys that access tokens are signed with.")
_keys.command("api.command_line.keys:rotate", name="rotate", help="Sign tokens with a new key.")
_users = App(name="users", help="The bank's users: create the first ones.")
_users.command("api.command_line.users:create", name="create", help="Create a user, and print the new id.")
for _group in (_clients, _keys, _users):
    app.command(_group)


def run(arguments: list[str] | None = None) -> int:
    """Runs one command and gives its exit code; what is expected to fail is told in one line."""
    try:
        code = app(arguments, exit_on_error=False, print_error=False, result_action="return_value")
    except KeyboardInterrupt:
        print("daybook: interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has seen enough. Nothing may be flushed into the pipe at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.OK
    except Exception as error:
        explained = explain(error)
        if explained is None:
            raise
        line, code = explained
        hint = " (see daybook --help)" if isinstance(error, CycloptsError) else ""
        print(f"daybook: {line}{hint}", file=sys.stderr)
    return int(code or Exit.OK)


def main() -> None:
    sys.exit(run())
