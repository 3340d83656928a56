"""Measured speed, as ratios against a plain loop over transformers: ``python -m tests.benchmarks``.

Not tests: nothing here asserts a time, and pytest collects none of it.
"""
