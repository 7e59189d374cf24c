"""The extra: the same benches on the machines of a Ray cluster."""
