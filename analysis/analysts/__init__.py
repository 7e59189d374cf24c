"""The analysts, and the loop that runs them."""
