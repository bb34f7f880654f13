"""The inputs, validated."""
