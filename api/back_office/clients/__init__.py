"""OAuth clients and their API keys, as the back office administers them."""
