"""OANDA v20 as a `LiveBroker`, through oandapyV20's client."""
