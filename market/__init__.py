"""What is traded and the words for it: pure values and valuation."""
