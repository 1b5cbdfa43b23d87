"""The mappings in workloads/mappings, for the benchmarks that show them."""
