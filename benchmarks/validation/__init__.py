"""The embedded engine against gem5 on programs that were not used to calibrate it."""
