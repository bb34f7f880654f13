"""How an error quotes an input: a value that may be a secret is in the wrong variable, and is not shown."""

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
    """Return a value between quotation marks; of one that looks like a secret, that it is not shown.

    Args:
        value: an input that is not meant to be a secret.
    """
    return WITHHELD if any(shape.search(value.strip()) for shape in LOOKS_SECRET) else repr(value)
