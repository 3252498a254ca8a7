"""What keeps a bad moment small. Knows no server, no SQL and no Flask."""
