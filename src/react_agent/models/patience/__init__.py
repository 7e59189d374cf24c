"""What is done while an endpoint fails."""
