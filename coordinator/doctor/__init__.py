"""Looking at the machine before anything is asked of it."""
