"""One address on this machine that holds the key, and through which agents reach their model."""
