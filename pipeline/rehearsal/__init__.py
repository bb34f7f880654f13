"""The parts that only a rehearsal needs: its servers, its workspace, its damage and its proofs."""
