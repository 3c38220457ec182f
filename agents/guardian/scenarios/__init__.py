"""What today's positions would have gone through."""
