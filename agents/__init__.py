"""Who has an opinion: the trading agents, the portfolio optimizer, the risk guardian."""
