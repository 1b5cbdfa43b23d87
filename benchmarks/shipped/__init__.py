"""What ships in workloads/mappings, for the benchmarks that show it."""
