"""What an API process serves; its settings come from the environment."""

import gc

from api.app import create_app
from api.command_line.processes import end_with_parent
from infrastructure import settings as settings_module
from infrastructure.logs import configure_logging
from infrastructure.metrics import Metrics
from infrastructure.runtime import Services

end_with_parent()
settings = settings_module.load({})
configure_logging(settings.log_level)
metrics = Metrics()


def _services() -> Services:
    assert settings.database_url is not None, "the command line sets it before it starts API processes"
    owner_dsn = settings.migrations_url or settings.database_url
    return Services(settings, settings.database_url, owner_dsn, metrics)


# Requests make no cycles worth looking for; states in memory are many and live long. With the interpreter's
# own thresholds the collector takes a tenth of the time.
gc.collect()
gc.freeze()
gc.set_threshold(50_000, 50, 50)

app = create_app(_services, metrics, is_sandbox=settings.sandbox)
