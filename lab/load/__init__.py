"""The load test: what `hop load` and locustfile.py are made of.

Locust patches the standard library for gevent when it is imported, so only two modules import it,
`open_loop` and `recording`; the command line never does.
"""
