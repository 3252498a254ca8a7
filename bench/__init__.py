"""Benchmarks of hop on this machine. They print figures and assert nothing."""
