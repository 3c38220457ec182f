"""A recorded run, tallied again under other rules; the market path is held fixed."""
