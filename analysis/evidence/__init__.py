"""What is known of a case before a model is asked."""
