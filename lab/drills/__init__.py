"""Failure drills: break hop under traffic, then compare what clients saw with what hop counted."""
