"""What domains of one kind have in common."""
