"""A run and its files, whatever the benchmark."""
