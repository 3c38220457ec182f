"""Why the desk did what it did: decisions explained from the journal, and replayed bit for bit."""
