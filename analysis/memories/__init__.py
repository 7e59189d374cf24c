"""From trajectories and verdicts to a memory bank."""
