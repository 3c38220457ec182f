"""Finite-window array functions: every output is a fixed expression over its own window."""
