"""A deployment: its order, its gates, its plans, and the verbs that inspect it."""
