"""All routes of the back office, subject by subject."""

from api.back_office.clients import routes as clients
from api.back_office.webhooks import routes as webhooks

ROUTES = (
    *clients.ROUTES,
    *webhooks.ROUTES,
)
