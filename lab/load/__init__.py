"""The load test behind `hop load` and locustfile.py.

Locust patches the standard library for gevent on import. Only `generator.open_loop` and
`generator.recording` import it, so that the command line stays unpatched.
"""
