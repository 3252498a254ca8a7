"""Unit tests run on busy machines: Hypothesis looks for faults, not for slow examples."""

from hypothesis import settings

settings.register_profile("unit", deadline=None)
settings.load_profile("unit")
