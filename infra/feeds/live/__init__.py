"""Prices as they come: sources of quotes, one slot an instrument, bars on a clock, silence."""
