"""The task that the sweep benchmark sends to workers."""
