"""Full-system models for gem5, built from the harness's configuration; run by `run.py`."""
