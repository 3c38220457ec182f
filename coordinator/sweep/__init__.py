"""Sweeps: many configurations on the same bars, and what the best of them is worth."""
