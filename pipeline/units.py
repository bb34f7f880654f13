"""Durations and numbers of bytes, written for readers in a fitting unit."""


def duration(seconds: float) -> str:
    """Return a number of seconds in a fitting unit."""
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{max(seconds, 0):.0f} s"


def in_fine_units(count: float) -> str:
    """Return a number of bytes in the unit that fits it, with three digits: sizes are compared."""
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if count < 999.5 or unit == "TB":  # noqa: PLR2004 - SI units, rounded
            digits = 0 if unit == "B" else max(3 - len(f"{count:.0f}"), 0)
            return f"{count:.{digits}f} {unit}"
        count /= 1000
    raise AssertionError


def in_units(count: float) -> str:
    """Return a number of bytes in a fitting unit."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:  # noqa: PLR2004 - SI units
            return f"{count:.0f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"


def clock(seconds: float) -> str:
    """Return a number of seconds as a clock shows it: 48 s, 2:14, 1:02:14."""
    minutes, rest = divmod(round(max(seconds, 0)), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}:{minutes:02}:{rest:02}"
    return f"{minutes}:{rest:02}" if minutes else f"{rest} s"
