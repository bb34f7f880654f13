"""The stacks' states: made ready, and moved."""
