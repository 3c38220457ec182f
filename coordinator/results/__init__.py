"""What a run came to, computed from its journal alone."""
