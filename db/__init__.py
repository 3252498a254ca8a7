"""Everything that touches Postgres or Redis, or starts a server: all SQL and all drivers."""
