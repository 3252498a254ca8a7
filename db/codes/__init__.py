"""What the code strategies keep in Postgres: ranges, counters, a pool, leases of worker ids."""
