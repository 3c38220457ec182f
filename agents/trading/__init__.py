"""The trading agents, one idea a file."""
