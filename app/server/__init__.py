"""How a WSGI server runs the app."""
