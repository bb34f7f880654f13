"""The tools' JSON output, read while they run."""

import json

import pytest

from pipeline.steps.output import Reader, failures, spoken, warnings


def apply_event(kind: str, address: str) -> str:
    return json.dumps({"type": kind, "hook": {"resource": {"addr": address}}})


def test_an_apply_tells_what_is_done_and_what_is_going_on() -> None:
    reader = Reader("tofu-json")
    assert reader.feed(apply_event("apply_start", "a.one")) == "0 done, now a.one"
    assert reader.feed(apply_event("apply_start", "a.two")) == "0 done, now a.one, a.two"
    assert reader.feed(apply_event("apply_complete", "a.one")) == "1 done, now a.two"
    assert reader.feed(apply_event("apply_complete", "a.two")) == "2 done, now finishing"


def test_an_apply_ends_with_its_counts() -> None:
    reader = Reader("tofu-json")
    changes = {"add": 3, "change": 2, "remove": 1, "operation": "apply"}
    reader.feed(json.dumps({"type": "change_summary", "changes": changes}))
    assert reader.summary == "3 added, 2 changed, 1 destroyed"


def test_a_playbook_tells_its_task_and_ends_with_its_counts() -> None:
    reader = Reader("ansible-jsonl")
    said = reader.feed(json.dumps({"_event": "v2_playbook_on_task_start", "task": {"name": "Install cron"}}))
    assert said == "task 1: Install cron"
    stats = {"a": {"ok": 2, "changed": 1}, "b": {"ok": 3, "changed": 0}}
    reader.feed(json.dumps({"_event": "v2_playbook_on_stats", "stats": stats}))
    assert reader.summary == "5 ok, 1 changed"


def test_lines_that_are_no_json_do_no_harm() -> None:
    assert Reader("tofu-json").feed("╷ Warning: not JSON") is None
    assert Reader("ansible-jsonl").feed("[1, 2]") is None


def test_a_scripts_figures_are_not_shown_as_what_it_is_doing() -> None:
    reader = Reader("text")
    assert reader.feed("restoring public.customers\n") == "restoring public.customers"
    assert reader.feed('{"id": "3f2a9c1d", "tables": 7}') is None


def test_what_failed_is_told_in_the_tools_words() -> None:
    diagnostic = {"severity": "error", "summary": "creating S3 Bucket", "detail": "taken", "address": "a.b"}
    warning = {"severity": "warning", "summary": "old"}
    failed = {"task": {"name": "Copy"}, "hosts": {"database": {"msg": "no space"}}}
    lines = [
        {"type": "diagnostic", "diagnostic": diagnostic},
        {"type": "diagnostic", "diagnostic": warning},
        {"_event": "v2_runner_on_failed", **failed},
    ]
    said = list(failures("\n".join(map(json.dumps, lines))))
    assert said == ["creating S3 Bucket (a.b): taken", "database: Copy: no space"]


TRACEBACK = """Traceback (most recent call last):
  File "basic.py", line 2051, in run_command
FileNotFoundError: [Errno 2] No such file or directory: b'/tmp/My'

The above exception was the direct cause of the following error:

Traceback (most recent call last):
  File "AnsiballZ_command.py", line 266, in <module>
Message: Error executing command.
"""
CAUSE = "[Errno 2] No such file or directory: b'/tmp/My'"


@pytest.mark.parametrize(
    ("result", "said"),
    [
        ({"msg": "Error executing command.", "exception": TRACEBACK}, f"Error executing command.\n{CAUSE}"),
        ({"msg": f"Module failed: {CAUSE}", "exception": TRACEBACK}, f"Module failed: {CAUSE}"),
        ({"msg": "no space", "exception": "(traceback unavailable)"}, "no space"),
        (
            {"msg": "No start of json char", "module_stderr": "My: not found\n"},
            "No start of json char\nMy: not found",
        ),
        ({"msg": "hidden", "exception": TRACEBACK, "_ansible_no_log": True}, "hidden"),
    ],
)
def test_what_ansible_gives_as_the_cause_is_told_once_and_never_of_a_hidden_result(
    result: dict[str, object], said: str
) -> None:
    event = {"_event": "v2_runner_on_failed", "task": {"name": "Copy"}, "hosts": {"database": result}}
    assert list(failures(json.dumps(event))) == [f"database: Copy: {said}"]


def test_what_a_person_would_have_seen_is_spoken() -> None:
    assert spoken("tofu-json", '{"@message": "aws_vpc.main: Creating..."}') == "aws_vpc.main: Creating..."
    done = {"_event": "v2_runner_on_ok", "task": {"name": "Copy"}, "hosts": {"database": {"secret": "x"}}}
    assert spoken("ansible-jsonl", json.dumps(done)) == "database: runner_on_ok: Copy"
    assert spoken("text", "as it is") == "as it is"


def test_half_an_event_that_an_interrupt_cut_off_is_never_shown() -> None:
    whole = json.dumps({"_event": "v2_runner_on_ok", "hosts": {"database": {"stdout": "canary"}}})
    assert [spoken("ansible-jsonl", half) for half in (whole[:-3], whole[9:])] == ["", ""]


def test_only_a_playbooks_own_messages_are_warnings() -> None:
    debug = {"action": "ansible.builtin.debug", "msg": "cloud-init failed on manager."}
    other = {"action": "ansible.builtin.assert", "msg": "All assertions passed"}
    lines = [
        {"_event": "v2_runner_on_ok", "hosts": {"manager": debug, "database": other}},
        {"_event": "v2_runner_on_skipped", "hosts": {"database": debug}},
        {"_event": "v2_playbook_on_stats", "stats": {}},
    ]
    assert list(warnings("\n".join(map(json.dumps, lines)))) == ["cloud-init failed on manager."]
