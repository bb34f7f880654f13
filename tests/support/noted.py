"""A progress that keeps what it is told."""

from pipeline.reporting.progress import Progress


class Noted(Progress):
    """A progress that keeps its notes."""

    def __init__(self) -> None:
        super().__init__()
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)
