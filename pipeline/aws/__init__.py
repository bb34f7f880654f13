"""AWS: the account, and what exists in it."""
