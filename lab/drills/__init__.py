"""Failure drills: hop is broken under traffic, and what clients saw is set against its counts."""
