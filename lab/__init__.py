"""Experiments with hop and with ways to make codes, on servers of their own."""
