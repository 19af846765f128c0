"""The jobs of `benchmarks/training.py`, one a module, and how they are measured."""
