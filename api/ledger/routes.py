"""All routes of the ledger's surface."""

from api.ledger import events, reports

ROUTES = (*events.ROUTES, *reports.ROUTES)
