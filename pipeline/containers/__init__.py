"""The verbs in containers, as Dagger calls them."""
