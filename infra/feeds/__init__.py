"""Where prices come from: every feed yields checked `Bars`."""
