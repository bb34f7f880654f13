"""What ended a run, as its reader is told."""

from pipeline.errors import Interrupted, PipelineError, ToolError, VerifyFailed
from pipeline.steps.explanation import LAST_FRAMES, explained
from pipeline.steps.masks import SECRETS


def caught(error: BaseException) -> BaseException:
    try:
        raise error
    except BaseException as raised:
        return raised


def test_a_defect_says_its_kind_and_where_it_is_and_none_of_its_words() -> None:
    told = explained(caught(KeyError("canary")), {})
    assert (told.what, told.exit_code) == ("a defect in the pipeline: KeyError", 1)
    assert "in caught" in told.tail
    assert len(told.tail.splitlines()) <= LAST_FRAMES
    assert "'canary'" not in str(told)


def test_an_error_of_the_pipeline_is_itself_with_its_notes() -> None:
    error = VerifyFailed("differs", "look", "the tool's words")
    error.add_note("and afterwards: the lock is still there")
    assert explained(error, {}) is error
    assert error.tail == "the tool's words\nand afterwards: the lock is still there"


def test_of_a_group_the_most_telling_error_is_told_with_the_notes_of_both() -> None:
    inner = VerifyFailed("differs", "look")
    inner.add_note("one")
    group = ExceptionGroup("unhandled", [KeyError("canary"), inner])
    group.add_note("two")
    assert explained(group, {}) is inner
    assert inner.tail == "two\none"


def test_what_the_machine_refuses_is_no_defect() -> None:
    assert isinstance(explained(PermissionError(13, "Permission denied", "/x"), {}), ToolError)
    assert isinstance(explained(KeyboardInterrupt(), {}), Interrupted)
    assert isinstance(explained(SystemExit(), {}), PipelineError)


def test_a_secret_among_the_inputs_is_covered_wherever_the_error_has_it() -> None:
    inputs = {name: f"canary-{name}" for name in SECRETS} | {"TF_VAR_domain": "nocodb.example.org"}
    said = " ".join(inputs.values())
    error = ToolError(said, said, said)
    error.add_note(said)
    told = str(explained(error, inputs))
    assert "canary" not in told
    assert told.count("nocodb.example.org") == 4
