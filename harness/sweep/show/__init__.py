"""Showing a sweep: tables, files and pictures."""
