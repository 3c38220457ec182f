"""Whether two engines decide alike: their journals, event by event."""
