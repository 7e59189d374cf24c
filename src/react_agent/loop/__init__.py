"""HARNESS built in: the ReAct loop and the reader of its replies."""
