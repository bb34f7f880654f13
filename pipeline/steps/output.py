"""Read the machine-readable output of the tools line by line: current activity, summary and failures."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

Stream = Literal["text", "tofu-json", "ansible-jsonl"]


@dataclass
class Reader:
    """Reads the standard output of a step while the step runs.

    Args:
        stream: the format of the output.
        summary: the result of the step.
        begun: how many resources the step has begun so far.
    """

    stream: Stream
    summary: str = ""
    begun: int = 0
    _done: int = 0
    _planned: int = 0
    _running: list[str] = field(default_factory=list)

    def feed(self, line: str) -> str | None:
        """Take one line; return the current activity in words, or None if the line does not change it."""
        event = parse(line)
        if self.stream == "text":  # a JSON object is the result of a script, not text for a user
            return None if event else line.strip() or None
        if event is None:
            return None
        return self._tofu(event) if self.stream == "tofu-json" else self._ansible(event)

    def _tofu(self, event: dict[str, Any]) -> str | None:
        kind, address = event.get("type"), event.get("hook", {}).get("resource", {}).get("addr", "")
        if kind == "change_summary":
            self.summary = _tofu_summary(event["changes"])
        elif kind == "planned_change":
            self._planned += 1
        elif kind == "apply_start":
            self.begun += 1
            self._running.append(address)
        elif kind in ("apply_complete", "apply_errored"):
            self._running = [a for a in self._running if a != address]
            self._done += 1
        elif kind == "refresh_start":
            return f"reading {address}"
        if kind in ("apply_start", "apply_progress", "apply_complete"):
            return f"{self._done} done, now {', '.join(self._running[:2]) or 'finishing'}"
        return None

    def _ansible(self, event: dict[str, Any]) -> str | None:
        kind = event.get("_event")
        if kind in ("v2_playbook_on_task_start", "v2_playbook_on_handler_task_start"):
            self._done += 1
            return f"task {self._done}: {event['task']['name']}"
        if kind == "v2_playbook_on_stats":
            totals = ansible_totals(event)
            self.summary = ", ".join(f"{totals[key]} {key}" for key in ("ok", "changed"))
        return None


def spoken(stream: Stream, line: str) -> str:
    """Return a line as text for a user; empty if there is nothing to show."""
    if stream == "text":
        return line
    event = parse(line)
    if event is None:  # a part of an event that an interrupt cut off may contain anything
        return "" if stream == "ansible-jsonl" or line.startswith("{") else line
    if stream == "tofu-json":
        return str(event.get("@message", ""))
    task, outcome = event.get("task", {}).get("name", ""), str(event.get("_event", "")).removeprefix("v2_")
    return ", ".join(f"{host}: {outcome}: {task}" for host in event.get("hosts", {}))


def parse(line: str) -> dict[str, Any] | None:
    """Return the JSON object of a line; None if the line is not a JSON object."""
    try:
        event = json.loads(line)
    except ValueError:
        return None
    return event if isinstance(event, dict) else None


def events(stdout: str) -> Iterator[dict[str, Any]]:
    """Yield every JSON object of an output."""
    for line in stdout.splitlines():
        event = parse(line)
        if event is not None:
            yield event


def ansible_totals(stats: dict[str, Any]) -> dict[str, int]:
    """Return the counts of a stats event (ok, changed, failures, unreachable, …), added up over all hosts."""
    totals: dict[str, int] = {"ok": 0, "changed": 0, "failures": 0, "unreachable": 0}
    for counts in stats.get("stats", {}).values():
        for key, value in counts.items():
            totals[key] = totals.get(key, 0) + int(value)
    return totals


def changed_tasks(stdout: str) -> dict[str, list[str]]:
    """Return the tasks of a playbook that changed something, in their order, by host."""
    changed: dict[str, list[str]] = {}
    for event in events(stdout):
        if event.get("_event") == "v2_runner_on_ok":
            for host, answer in event["hosts"].items():
                if answer.get("changed"):
                    changed.setdefault(host, []).append(event["task"]["name"])
    return changed


def warnings(stdout: str) -> Iterator[str]:
    """Yield the messages of a playbook's `debug` tasks: they are for the user."""
    for event in events(stdout):
        if event.get("_event") == "v2_runner_on_ok":
            for answer in event["hosts"].values():
                if answer.get("action") == "ansible.builtin.debug":
                    yield str(answer["msg"])


def last_lines(stream: Stream, stdout: str, stderr: str, count: int) -> list[str]:
    """Return the last lines of an output in the words that a user would have seen.

    Args:
        stream: how the standard output tells its progress.
        stdout: the output.
        stderr: the error output.
        count: how many lines at most.

    Returns:
        The lines; what the tool reports as its failure comes last.
    """
    texts = [*(spoken(stream, line) for line in stdout.splitlines()), stderr, *failures(stdout)]
    return [line.rstrip() for text in texts for line in text.splitlines() if line.strip()][-count:]


def failures(stdout: str) -> Iterator[str]:
    """Yield the failures as the tools report them: OpenTofu's diagnostics, Ansible's failed tasks."""
    for event in events(stdout):
        if event.get("type") == "diagnostic" and event["diagnostic"]["severity"] == "error":
            diagnostic = event["diagnostic"]
            where = f" ({diagnostic['address']})" if diagnostic.get("address") else ""
            yield f"{diagnostic['summary']}{where}: {diagnostic.get('detail', '')}".strip(": ")
        elif event.get("_event") in ("v2_runner_on_failed", "v2_runner_on_unreachable"):
            yield from _failed_hosts(event)


def _failed_hosts(event: dict[str, Any]) -> Iterator[str]:
    for host, result in event.get("hosts", {}).items():
        if not result.get("ignore_errors"):
            yield f"{host}: {event['task']['name']}: {module_words(result)}"


def module_words(result: dict[str, Any]) -> str:
    """Return the message of a module; for a loop, the messages of the failed items."""
    items = [module_words(item) for item in result.get("results", []) if item.get("failed")]
    words = str(result.get("stderr") or result.get("msg") or "failed")
    if result.get("_ansible_no_log"):  # Ansible hides the output, but not an exception with the output in it
        return words
    more = (str(result.get("module_stderr") or "").strip(), _cause(str(result.get("exception") or "")))
    return "\n".join(items or [words, *(each for each in more if each and each not in words)])


def _cause(exception: str) -> str:
    """Return the original error of a chain of exceptions; Ansible writes the original first."""
    first, _, _ = exception.partition("\n\n")
    last = first.rstrip().rpartition("\n")[2]
    return last.partition(": ")[2] if first.startswith("Traceback") else ""


def _tofu_summary(changes: dict[str, Any]) -> str:
    add, change, remove = changes.get("add", 0), changes.get("change", 0), changes.get("remove", 0)
    if changes.get("operation") == "plan":
        return f"{add} to add, {change} to change, {remove} to destroy"
    return f"{add} added, {change} changed, {remove} destroyed"
