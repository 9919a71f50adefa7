"""All administrative routes, subject by subject."""

from api.cards.administration import cards, limits, overrides, spending, webhooks

ROUTES = (
    *cards.ROUTES,
    *limits.ROUTES,
    *overrides.ROUTES,
    *spending.ROUTES,
    *webhooks.ROUTES,
)
