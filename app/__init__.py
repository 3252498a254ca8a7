"""The web process: everything that answers HTTP."""
