"""What a book may lose and has lost: pure functions of returns, positions and a generator.

Losses are positive numbers. A measure that a limit may rest on answers NaN where its input is
missing, not finite or too short, so that the limit refuses; it raises InvalidError only where the
caller is wrong: a shape, a confidence, a parameter out of its range.
"""
