"""Golden replays: fixed runs whose decisions and statistics are on record in this folder.

A test compares. `python -m tests.golden update` (or `make golden`) shows what changed and writes.
"""
