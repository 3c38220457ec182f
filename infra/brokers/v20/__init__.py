"""How OANDA's v20 protocol writes numbers and times; both ends of the wire read it here."""
