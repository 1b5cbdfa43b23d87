"""What the sweep benchmark sends to workers."""
