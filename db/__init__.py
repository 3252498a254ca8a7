"""Everything that touches Postgres or starts a server: all SQL and all drivers live here."""
