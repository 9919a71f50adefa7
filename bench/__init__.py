"""The load and replay benchmarks."""
