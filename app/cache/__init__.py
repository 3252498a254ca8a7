"""The two caches before Postgres, process memory and Redis, and how they learn of changes."""
