"""What may not happen: limits, measures and the pre-trade review."""
