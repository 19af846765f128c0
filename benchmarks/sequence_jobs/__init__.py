"""The contenders of `benchmarks/sequences.py`, one per module, and how their cost is measured."""
