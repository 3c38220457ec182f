"""Who gets how much risk: the portfolio problem and its solvers."""
