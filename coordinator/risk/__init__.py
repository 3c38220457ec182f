"""The risk of a recorded desk: assessed at a moment, and back-tested over its days."""
