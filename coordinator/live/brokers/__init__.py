"""Where a live desk may trade, one module a broker."""
