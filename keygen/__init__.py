"""Short codes: how they are numbered, scrambled and written. Standard library only, no I/O."""
