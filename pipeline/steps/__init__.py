"""A step is one command of one tool: data that any runner can execute."""
