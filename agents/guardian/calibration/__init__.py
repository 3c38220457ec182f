"""What a decision's confidence has been worth: outcomes on paper, probabilities, Kelly stakes."""
