"""All that confines a command."""
