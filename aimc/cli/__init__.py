"""The command line: `aimc`."""
