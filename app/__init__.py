"""The Flask monolith: everything that answers HTTP."""
