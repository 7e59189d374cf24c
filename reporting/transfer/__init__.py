"""Any skill on any domain: who wrote it, who ran with it, where."""
