"""One answer on how much risk a book carries, against every limit."""
