"""Make the states of the stacks ready, and move them."""
