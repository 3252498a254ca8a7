"""Makers: processes that create codes or links as fast as they can.

Each has a strategy and database connections of its own, as every web process has.
"""
