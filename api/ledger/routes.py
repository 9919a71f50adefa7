"""All routes of the ledger's surface."""

from api.ledger import chart, events, reports

ROUTES = (*events.ROUTES, *reports.ROUTES, *chart.ROUTES)
