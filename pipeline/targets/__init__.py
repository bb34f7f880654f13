"""The target of a deployment: AWS, or an emulator."""
