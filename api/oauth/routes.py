"""All routes of the authorization server."""

from api.oauth import authorize, metadata, revoke, token

ROUTES = (*token.ROUTES, *authorize.ROUTES, *revoke.ROUTES, *metadata.ROUTES)
