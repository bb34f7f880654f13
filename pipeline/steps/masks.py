"""Masks for secret values, wherever a tool prints them."""

import json
from collections.abc import Iterator, Mapping
from urllib.parse import quote

MASK = "********"
GO_JSON = str.maketrans({"&": "\\u0026", "<": "\\u003c", ">": "\\u003e"})
"""How Go's encoding/json, and so OpenTofu, writes these characters."""

SHORT, LINE = 4, 8
"""The fewest characters to mask, of a secret and of a line of a secret: shorter texts occur anywhere."""

EMULATOR_KEY = "test"
"""Both halves of LocalStack's well-known key pair. It is an ordinary word, not a secret."""
KEY_PAIR = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
SECRETS = (
    *KEY_PAIR,
    *("AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN", "AWS_ID_TOKEN", "AWS_WEB_IDENTITY_TOKEN"),
    *("GITLAB_PAT", "VAULT_PASSWORD", "QUICKDATA_STATE_PASSPHRASE"),
)
"""The inputs that are secrets."""


class Masks:
    """Masks values in all forms in which tools print them.

    Args:
        secrets: the values by name. A name may be a variable's name with a prefix.
    """

    def __init__(self, secrets: Mapping[str, str]) -> None:
        values = [value for name, value in secrets.items() if not known_to_all(name, value)]
        self._forms = sorted({form for value in values for form in _forms(value)}, key=len, reverse=True)

    def cover(self, text: str) -> str:
        """Return the text with every secret value masked."""
        for form in self._forms:
            text = text.replace(form, MASK)
        return text


def secrets_among(variables: Mapping[str, str]) -> dict[str, str]:
    """Return the inputs that are secrets.

    Args:
        variables: values by variable name.
    """
    return {name: variables[name] for name in SECRETS if name in variables}


def known_to_all(name: str, value: str) -> bool:
    """Tell whether a value is an emulator's key. A key of AWS has 16 or more characters.

    Source: IAM's API reference, "AccessKey", AccessKeyId.

    Args:
        name: the variable's name, or a name that ends with it.
        value: the variable's value.
    """
    return value == EMULATOR_KEY and name.endswith(KEY_PAIR)


def _forms(value: str) -> Iterator[str]:
    """Yield the forms in which a secret may be printed: unchanged, in a URL, in JSON, line by line.

    Tools often print it without the newline at its end, so that form is included.
    """
    for text in (value, value.strip(), *(line for line in value.splitlines() if len(line) >= LINE)):
        ascii_json, unicode_json = (json.dumps(text, ensure_ascii=each)[1:-1] for each in (True, False))
        for form in (text, quote(text, safe=""), ascii_json, unicode_json):
            yield from (each for each in (form, form.translate(GO_JSON)) if len(each) >= SHORT)
