"""What a deployment acts on: AWS, or an emulator."""
