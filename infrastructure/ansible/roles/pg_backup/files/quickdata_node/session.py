"""One session of psql that answers several questions, one after another."""

from contextlib import suppress
from subprocess import PIPE

from quickdata_node.server import PSQL, Server, ServerFailed

END = "\\echo end\n"
"""The end of a question: `Session.answer` reads up to it."""


class Session:
    """A session in a database. It ends with the run at the latest.

    Args:
        server: the server.
        database: the database to connect to.
        options: further options of psql, such as variables.

    Raises:
        ServerFailed: psql cannot be run.
    """

    def __init__(self, server: Server, database: str, *options: str) -> None:
        words = (*PSQL, "-F", "\t", *options)
        self._psql = server.start(*words, database=database, stdin=PIPE, stdout=PIPE)
        server.run.cleaning.callback(self.abandon)

    def ask(self, text: str) -> None:
        """Send SQL.

        Raises:
            ServerFailed: psql has ended.
        """
        assert self._psql.stdin
        try:
            self._psql.stdin.write(text.encode())
            self._psql.stdin.flush()
        except BrokenPipeError as error:
            raise ServerFailed("psql ended at once") from error

    def line(self) -> str:
        """Return the next line of the answer; an empty string when psql has ended."""
        assert self._psql.stdout
        return self._psql.stdout.readline().decode().rstrip("\n")

    def answer(self) -> str:
        """Return the answer up to its end.

        Raises:
            ServerFailed: psql ended before.
        """
        lines = []
        while (line := self.line()) != "end":
            if not line:
                raise ServerFailed("psql ended before all was counted")
            lines.append(line)
        return "\n".join(lines)

    def end(self) -> None:
        """End the session, and its transaction with it.

        Raises:
            ServerFailed: psql ended with an error.
        """
        self.abandon()
        if code := self._psql.wait():
            raise ServerFailed(f"psql ended with exit code {code}")

    def abandon(self) -> None:
        """Close the session's input: it ends after its current command."""
        assert self._psql.stdin
        with suppress(OSError):
            self._psql.stdin.close()
