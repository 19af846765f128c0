"""The contenders of `benchmarks/sequences.py`, one a module, and what they cost."""
