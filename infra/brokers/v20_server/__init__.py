"""A paper exchange behind OANDA's wire: one account that speaks v20."""
