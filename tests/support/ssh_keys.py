"""SSH keys for tests, also where there is no ssh-keygen."""

import shutil
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

KEYGEN_MISSING = "ssh-keygen is not on this machine (Debian: openssh-client)"


def lay_key(path: Path) -> None:
    """Write a new key without a passphrase, and its public half beside it."""
    key, encoding = Ed25519PrivateKey.generate(), serialization.Encoding
    private = serialization.PrivateFormat.OpenSSH
    text = key.private_bytes(encoding.PEM, private, serialization.NoEncryption())
    path.touch(0o600)
    path.write_bytes(text)
    public = key.public_key().public_bytes(encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    path.with_name(f"{path.name}.pub").write_bytes(public + b" somebody\n")


def require_keygen() -> None:
    """Leave a test out, with its reason, where what it runs needs ssh-keygen and there is none."""
    if shutil.which("ssh-keygen") is None:
        pytest.skip(KEYGEN_MISSING)
