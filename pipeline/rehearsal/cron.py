"""Read a cron file as cron does."""

from dataclasses import dataclass

TIME_FIELDS = 5


@dataclass(frozen=True)
class Entry:
    """The only job of a file in /etc/cron.d.

    Args:
        env: the variables that the file sets.
        user: the user who runs the job.
        line: the shell command.
    """

    env: dict[str, str]
    user: str
    line: str

    def command(self, home: str) -> tuple[str, ...]:
        """Return the argv that runs the line in cron's minimal environment. Source: Debian's crontab(5)."""
        bare = {"HOME": home, "LOGNAME": self.user, "PATH": "/usr/bin:/bin", "SHELL": "/bin/sh"}
        env = {**bare, **self.env}
        settings = (f"{name}={value}" for name, value in env.items())
        return ("env", "-i", *settings, env["SHELL"], "-c", self.line)


def read(text: str) -> Entry:
    """Read a file of /etc/cron.d that has exactly one job.

    Raises:
        ValueError: the file has no job, or several.
    """
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    jobs = [line for line in lines if line[0] in "*0123456789@"]
    settings = [line.partition("=") for line in lines if line not in jobs]
    if len(jobs) != 1:
        raise ValueError(f"expected one job in the cron file, found {len(jobs)}")
    *_, user, command = jobs[0].split(None, TIME_FIELDS + 1)
    env = {name.strip(): value.strip().strip("\"'") for name, _, value in settings}
    return Entry(env, user, command)
