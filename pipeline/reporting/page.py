"""A page in HTML: one file that asks for nothing outside, from a template in `templates/`."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from pipeline.settings.invisible import visible

TEMPLATES = Path(__file__).with_name("templates")
MINUTE, HOUR = 60, 3600


def render(template: str, **values: Any) -> str:
    """Return a page.

    Every text is escaped, also in attributes, and its invisible characters are shown as escapes.

    Args:
        template: the file's name in `templates/`; a page extends `base.html.j2`.
        values: what it shows, by the names that the template uses; a name that is missing is an error.
    """
    return _environment().get_template(template).render(values)


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    filters = (clock, stopwatch, moment, thousands, code_marked)
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
    """Return a length of time as people say it: "0.4 s", "48 s", "3 min 05 s", "1 h 02 min"."""
    seconds = max(seconds, 0)
    if seconds < 10:  # noqa: PLR2004 - a tenth counts only here
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < MINUTE:
        return f"{whole} s"
    if whole < HOUR:
        return f"{whole // MINUTE} min {whole % MINUTE:02} s"
    return f"{whole // HOUR} h {whole % HOUR // MINUTE:02} min"


def stopwatch(seconds: float) -> str:
    """Return a length of time as a stopwatch shows it: "0:30", "2:05", "1:02:05"; below a second "0.4"."""
    if 0 < seconds < 1:
        return f"{seconds:.1f}"
    minutes, rest = divmod(round(seconds), MINUTE)
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}" if minutes >= MINUTE else f"{minutes}:{rest:02}"


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
