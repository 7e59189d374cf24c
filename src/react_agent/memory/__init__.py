"""Notes from earlier tasks, put before a task: a baseline to hold a skill against."""
