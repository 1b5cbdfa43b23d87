"""Sweeps: many configurations, run on the cores of a machine or of a cluster."""
