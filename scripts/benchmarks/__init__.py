"""Benchmarks: whole installations and single parts, measured on the machine at hand, never as tests."""
