"""Users as the back office administers them: who they are, their passwords and their second factors."""
