"""Who taught what: owners of edits, and the history of a skill."""
