"""Protection from slow and failing servers. Knows no Flask, no SQL and no Redis."""
