"""How an error quotes an input: a value that looks like a secret is not shown."""

import re

WITHHELD = "its value (not shown: it may be a secret)"
LOOKS_SECRET = (
    re.compile(r"[@?]"),  # a password, or a query with a token, in a URL
    re.compile(r"\S\s*\n\s*\S|PRIVATE KEY"),  # the text of a file
    re.compile(r"\b(gl(pat|dt|rt|ptt|cbt)-|(AKIA|ASIA)[A-Z0-9]|eyJ)"),  # GitLab's tokens, AWS's keys, a JWT
    re.compile(r"^[^/.]{30,}$"),
    re.compile(r"^[A-Za-z0-9+][A-Za-z0-9+/=]{39,}$"),  # Base64, such as the secret half of AWS's key pair
)
"""Shapes of secrets.

Sources: GitLab's documentation, "Token overview", "Token prefixes"; IAM User Guide, "IAM identifiers",
"Unique identifiers".
"""


def shown(value: str) -> str:
    """Return a value in quotation marks, or a note in its place if the value looks like a secret.

    Args:
        value: an input that should not be a secret, but may have been set to one by mistake.
    """
    return WITHHELD if any(shape.search(value.strip()) for shape in LOOKS_SECRET) else repr(value)
