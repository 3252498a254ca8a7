"""Clicks: the wire format, receipts, roll-ups, statistics, dead letters."""
