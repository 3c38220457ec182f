"""Replay engines: the same desk, over rows of a panel instead of one bar at a time."""
