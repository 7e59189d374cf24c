"""What an edit must not do or say."""
