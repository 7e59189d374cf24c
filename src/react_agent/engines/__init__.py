"""Where work runs on this machine: benches, the queue, limited worker processes."""
