"""AWS: the account, and the resources in it."""
