"""What a window of returns says about its moments: shared by whoever measures."""
