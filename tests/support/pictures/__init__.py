"""The pictures in README and docs, made from real runs: `make pictures`."""
