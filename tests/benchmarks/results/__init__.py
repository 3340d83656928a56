"""What every method makes of the K = 16 splits: ``python -m tests.benchmarks.results``."""
