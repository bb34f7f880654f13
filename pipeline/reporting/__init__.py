"""What a run shows, and the report that it leaves."""
