"""The live gateway: the only door to the broker, and the only writer of the journal."""
