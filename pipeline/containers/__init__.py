"""The verbs in containers: what Dagger calls."""
