"""The commands of `daybook`, what they take, and how they fail."""

import sys

from cyclopts import App

from api.command_line import serving
from api.command_line.options import NONE_GIVEN, ServiceOptions, settings_from
from api.command_line.processes import run_service
from infrastructure.embedded_postgres import DataDirectoryInUse
from infrastructure.logs import configure_logging
from infrastructure.settings import SettingsError

app = App(name="daybook", help="The book of original entry for a bank.")


@app.command
def serve(*, options: ServiceOptions = NONE_GIVEN) -> None:
    """Run everything: Postgres where none is configured, the API, the background work."""
    settings = settings_from(options)
    configure_logging(settings.log_level)
    run_service(settings)


@app.command
def api(*, options: ServiceOptions = NONE_GIVEN) -> None:
    """Run API processes alone, on a database that is prepared."""
    serving.run_api(settings_from(options))


@app.command
def worker(*, options: ServiceOptions = NONE_GIVEN) -> None:
    """Run the background work alone: follow the log, fire timers."""
    serving.run_worker(settings_from(options))


def main() -> None:
    try:
        app()
    except (SettingsError, DataDirectoryInUse) as error:
        print(f"daybook: {error}", file=sys.stderr)
        sys.exit(2)
