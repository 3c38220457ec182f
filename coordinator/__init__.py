"""Who decides: tally, sizing, dispatch, ledger, sessions, the command line."""
