"""All routes of the back office, subject by subject."""

from api.back_office.accounts import routes as accounts
from api.back_office.audit_log import routes as audit_log
from api.back_office.clients import routes as clients
from api.back_office.reports import routes as reports
from api.back_office.transactions import routes as transactions
from api.back_office.users import routes as users
from api.back_office.webhooks import routes as webhooks

ROUTES = (
    *accounts.ROUTES,
    *audit_log.ROUTES,
    *clients.ROUTES,
    *reports.ROUTES,
    *transactions.ROUTES,
    *users.ROUTES,
    *webhooks.ROUTES,
)
