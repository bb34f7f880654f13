"""Reports of runs that nobody would want to have had: as `run.json` holds them."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

BEGAN = datetime(2026, 3, 2, 14, 5, tzinfo=UTC)
Document = dict[str, Any]


def at(seconds: float) -> str:
    """Return a moment of a run, by the seconds since it began."""
    return (BEGAN + timedelta(seconds=seconds)).isoformat(timespec="milliseconds")


def step(name: str, start: float, end: float, **changes: Any) -> Document:
    times = {"started": at(start), "ended": at(end), "seconds": end - start}
    outcome = {"exit_code": 0, "outcome": "done", "summary": "", "last_lines": [], "changed": {}}
    return {"name": name, "command": ["true"], **times, **outcome, **changes}


def document(**changes: Any) -> Document:
    """Return a run of 100 seconds that did nothing; the changes say otherwise."""
    nothing: Document = {"steps": [], "plans": [], "findings": [], "proofs": {}, "not_proven": []}
    about = {"verb": "deploy", "target": "aws", "facts": {"commit": None}, "started": at(0), "ended": at(100)}
    return {**about, **nothing, "error": None, "previous": None, "exit_code": 0, **changes}


def error(
    cause: str, fix: str = "run it again", exit_code: int = 1, last_lines: tuple[str, ...] = ()
) -> Document:
    """Return what a run that failed holds besides."""
    what = "\n".join([cause, f"  → {fix}", *(f"  | {line}" for line in last_lines)])
    parts = {"cause": cause, "fix": fix, "last_lines": list(last_lines)}
    told = {"exit_code": exit_code, "kind": "ToolError", "what": what, **parts}
    return {"exit_code": exit_code, "error": told}


def rehearsed() -> Document:
    """Return the report of a real rehearsal."""
    found: Document = json.loads(Path(__file__).with_name("rehearsed.json").read_text())
    return found


HOSTILE = (
    "<script>alert(1)</script>",
    "\"'><img src=https://example.com/x onerror=alert(1)>",
    "{{ 7 * 7 }}{% raw %}",
    "one `backtick",
    "right to left: \u202eabc\u202c, \u05d0\u05d1, \u0627\u0644",
    "zero\u200bwidth\u2060and\ufeffmore, \x00\x1b[31mred",
    "half of a pair: \udce9",
    "long" * 300,
    "]]></style><style>*{display:none}</style>",
)
"""What a name, an address or a tool's words may hold."""


def hostile() -> Document:
    """Return a run in which every text is hostile."""
    steps = [
        step(text, 10 * n, 10 * n + 9, summary=text, outcome="failed", exit_code=1, last_lines=list(HOSTILE))
        for n, text in enumerate(HOSTILE)
    ]
    steps[0]["changed"] = {text: list(HOSTILE) for text in HOSTILE}
    resources = [{"address": text, "action": text} for text in HOSTILE]
    plan = {"name": HOSTILE[0], "counts": dict.fromkeys(HOSTILE, 1), "changes": [], "resources": resources}
    return document(
        verb=HOSTILE[0],
        target=HOSTILE[1],
        facts={"commit": HOSTILE[2], "locks": dict.fromkeys(HOSTILE, "x"), "versions": {"tofu": HOSTILE[4]}},
        steps=steps,
        plans=[plan],
        findings=[f"✗ {text}\n  → {text}" for text in HOSTILE],
        proofs={text: {"words": text, text: text, "missing": list(HOSTILE)} for text in HOSTILE},
        not_proven=list(HOSTILE),
        previous={"seconds": 90.0, "steps": [{"name": text, "seconds": 1.0} for text in HOSTILE]},
        **error("\n".join(HOSTILE), HOSTILE[3], last_lines=HOSTILE),
    )


def huge() -> Document:
    """Return a run of 300 steps, 60 side by side, that compared 5,000 tables and changed 500 resources."""
    steps = [step(f"step {n}", n % 5 * 20, n % 5 * 20 + 15 + n / 100) for n in range(300)]
    tables = [f"public.table_{n}" for n in range(5000)]
    comparison = {"tables": 5000, "rows": 9_876_543_210, "mismatches": 0, "seconds": 7200.5, "names": tables}
    resources = [{"address": f'aws_instance.node["worker-{n}"]', "action": "create"} for n in range(500)]
    plan = {"name": "app: plan", "counts": {"create": 500}, "changes": [], "resources": resources}
    return document(steps=steps, plans=[plan], proofs={"verify": {"words": "all", "comparison": comparison}})


def clock_set_back() -> Document:
    """Return a run during which the clock was set back by an hour; two steps have no times to read."""
    steps = [
        step("before", 1, 5),
        step("during", 6, -3590),
        step("after", -3580, -3500),
        step("no end", -3490, 0, ended=None, outcome="interrupted", exit_code=None),
        step("no time", 0, 0, started="yesterday"),
    ]
    return document(steps=steps, ended=at(-3480))
