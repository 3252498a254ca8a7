"""Clicks in Postgres and on the wire: line format, receipts, roll-ups, statistics, dead letters."""
