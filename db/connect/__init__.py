"""Connections to Postgres and Redis, and the embedded servers."""
