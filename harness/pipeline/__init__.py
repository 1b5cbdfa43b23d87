"""The stages in a row: from a configuration to a run folder with its report."""
