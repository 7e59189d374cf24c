"""The paper's figures beside the user's own."""
