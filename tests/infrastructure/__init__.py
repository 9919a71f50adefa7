"""Infrastructure against the real thing: Postgres, files, processes and sockets."""
