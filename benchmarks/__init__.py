"""Benchmarks of Windhover's promises: each compares in one run and prints the result."""
