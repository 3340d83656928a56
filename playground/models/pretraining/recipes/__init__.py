"""One file a built-in model: its shape, its text and its training."""
