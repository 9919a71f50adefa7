"""All routes of the ledger's surface."""

from api.ledger import chart, events, periods, reports

ROUTES = (*events.ROUTES, *reports.ROUTES, *chart.ROUTES, *periods.ROUTES)
