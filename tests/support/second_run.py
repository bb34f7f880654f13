"""A deployment that was there before, and the order of its steps."""

from tests.support.recording import (
    RecordingRunner,
    app_state_json,
    state_json,
)

DATABASE = 'aws_instance.node["database"]'


SECOND = {
    "storage: state": (0, state_json()),
    "storage: plan": (0, ""),
    "app: state": (0, app_state_json()),
    "app: plan": (0, ""),
}


def in_order(runner: RecordingRunner, *names: str) -> bool:
    positions = [runner.names.index(name) for name in names]
    return positions == sorted(positions)
