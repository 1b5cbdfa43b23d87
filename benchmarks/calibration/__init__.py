"""Micro-benchmarks of the in-order core, its memory and its tiles, for gem5 and our own engine."""
