"""The jobs of `benchmarks/training.py`, one per module, and how they are measured."""
