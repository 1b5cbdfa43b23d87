"""The gem5 engine: the reference; see docs/gem5-engine.md."""
