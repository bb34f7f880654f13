"""A page in HTML: one file that asks for nothing outside, from a template in `templates/`."""

from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from pipeline import units
from pipeline.settings.invisible import visible

TEMPLATES = Path(__file__).with_name("templates")


def render(template: str, **values: Any) -> str:
    """Return a page.

    Every text is escaped, also in attributes, and its invisible characters are shown as escapes.

    Args:
        template: the file's name in `templates/`; a page extends `base.html.j2`.
        values: what it shows, by the names that the template uses; a name that is missing is an error.
    """
    return _environment().get_template(template).render(values)


@cache
def _environment() -> Environment:
    """Return what renders; a template is read once: a run ends with the page that it began with."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    filters = (clock, moment, thousands, code_marked)
    environment.filters |= {each.__name__: each for each in filters}
    return environment


def code_marked(text: str) -> Markup:
    """Return a text in which what stands between backticks is marked as code."""
    parts = [escape(_shown(part)) for part in text.split("`")]
    if len(parts) % 2 == 0:  # one backtick has no other
        return escape(_shown(text))
    code = Markup("<code>{}</code>")
    return Markup("").join(code.format(part) if n % 2 else part for n, part in enumerate(parts))


def _shown(value: object) -> object:
    """Return what is printed of a template's value: escapes instead of characters that nobody sees."""
    if isinstance(value, str) and not isinstance(value, Markup):
        return "\n".join(map(visible, value.split("\n")))
    return value


def clock(seconds: float) -> str:
    """Return a number of seconds as a clock shows it, below ten with a tenth: 0.4 s, 48 s, 2:14, 1:02:14."""
    if 0 < seconds < 10:  # noqa: PLR2004 - above, a tenth does not count
        return f"{seconds:.1f}".removesuffix(".0") + " s"
    return units.clock(seconds)


def moment(when: str | datetime) -> str:
    """Return a time in UTC, such as "2 March 2026, 14:05 UTC"; a text that is not a time stays as it is."""
    try:
        at = datetime.fromisoformat(when) if isinstance(when, str) else when
        at = at.astimezone(UTC)
    except (ValueError, OverflowError):
        return str(when)
    return f"{at.day} {at:%B %Y, %H:%M} UTC"


def thousands(number: float) -> Markup:
    """Return a number with a narrow space between its thousands."""
    return Markup(f"{number:,}".replace(",", "&#8239;"))  # noqa: S704 - digits
