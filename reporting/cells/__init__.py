"""The cells of one case side by side."""
