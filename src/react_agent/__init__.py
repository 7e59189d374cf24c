"""A small ReAct agent on any chat endpoint: one model protocol, one loop, one work queue."""
