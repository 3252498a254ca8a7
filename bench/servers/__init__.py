"""Servers under load, and the databases behind them."""
