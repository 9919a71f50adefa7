"""The OAuth 2.0 authorization server: tokens, sign-in and consent, revocation, published metadata."""
