"""The paper exchange: an account that lives in a process and a store of its own."""
