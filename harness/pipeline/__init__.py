"""The chain of stages: from a configuration to a run folder with its report."""
