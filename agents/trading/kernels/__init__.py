"""What the trading agents compute, compiled; one idea a file."""
