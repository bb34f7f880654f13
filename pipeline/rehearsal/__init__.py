"""What only a rehearsal needs: its surroundings, its workspace and its epilogue."""
