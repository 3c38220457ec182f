"""OANDA's prices and transactions as they are streamed, and its history in files."""
