"""Bad input through the console script: a clear error, its fix, its exit code, and no traceback."""

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

import click
import pytest

from pipeline.servers.process import free_port
from pipeline.tofu import binary as tools
from tests.support.by_hand import ENVIRONMENT, SYSTEM, Typed
from tests.support.examples import example
from tests.support.ssh_keys import lay_key
from tests.support.verbs import COMMANDS

WITHOUT_SETTINGS = {"rehearse"}
CHECKED = [
    (verb, option.opts[-1])
    for verb, command in sorted(COMMANDS.items())
    for option in command.params
    if isinstance(option, click.Option) and option.callback and not isinstance(option.type, click.Path)
]
"""Options whose values are checked as soon as they are read."""


@dataclass(frozen=True)
class Person:
    """Somebody in a bare environment, with a HOME of their own."""

    home: Path

    def quickdata(self, *words: str, limit: tuple[str, ...] = (), **variables: str) -> Typed:
        environment = {
            "PATH": SYSTEM,
            "HOME": str(self.home),
            "AWS_EC2_METADATA_DISABLED": "true",  # an instance's role must not count as this person's
            "PYTHONDONTWRITEBYTECODE": "1",  # a limit must not cut the code of others
        }
        done = subprocess.run(
            [*limit, str(ENVIRONMENT / "quickdata"), *words],
            env=environment | variables,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert "Traceback" not in done.stderr, done.stderr
        return Typed(done.returncode, done.stdout + done.stderr)

    def settings(self) -> dict[str, str]:
        """Everything that deploy asks for, well formed."""
        lay_key(self.home / "key")
        return {
            "TF_VAR_bucket_suffix": "ppr",
            "TF_VAR_admin_cidr": "203.0.113.7/32",
            "AWS_ACCESS_KEY_ID": "AKIAEXAMPLE",
            "AWS_SECRET_ACCESS_KEY": "secret-key-of-nobody",
            "QUICKDATA_SSH_KEY": str(self.home / "key"),
            "VAULT_PASSWORD": "vault-password-of-nobody",
            "HTTPS_PROXY": f"http://127.0.0.1:{free_port()}",  # so that nothing outside is reached
        }


@pytest.fixture
def person(tmp_path: Path) -> Person:
    return Person(tmp_path)


def problems(said: str) -> dict[str, list[str]]:
    """Return what was said about each variable."""
    found: dict[str, list[str]] = {}
    for name, text in re.findall(r"^  ([A-Za-z_]+): (.+)$", said, re.MULTILINE):
        found.setdefault(name, []).append(text)
    return found


@pytest.mark.parametrize("verb", sorted(COMMANDS.keys() - WITHOUT_SETTINGS))
def test_every_verbs_own_example_names_what_is_missing_and_what_is_malformed(
    person: Person, verb: str
) -> None:
    typed = person.quickdata(*example(verb), TF_VAR_bucket_suffix="under_score")
    assert typed.exit_code == 2, typed.said
    found = problems(typed.said)
    assert "not a letter, digit or hyphen" in found["TF_VAR_bucket_suffix"][0]
    assert "AWS_SECRET_ACCESS_KEY" in found["AWS_ACCESS_KEY_ID"][0]


@pytest.mark.parametrize(("verb", "option"), CHECKED)
def test_what_no_option_can_mean_is_refused_by_every_verb_that_has_it(
    person: Person, verb: str, option: str
) -> None:
    typed = person.quickdata(verb, option, "{{ 1 }}/\n", **person.settings())
    assert typed.exit_code == 2, typed.said
    assert option in typed.said


@pytest.mark.parametrize("verb", ["deploy", "verify", "restore"])
def test_all_missing_settings_are_named_at_once_with_one_fix_each(person: Person, verb: str) -> None:
    typed = person.quickdata(verb)
    course = {"TF_VAR_bucket_suffix", "AWS_ACCESS_KEY_ID"}
    assert typed.exit_code == 2
    found = problems(typed.said)
    assert set(found) == course | {"TF_VAR_admin_cidr", "QUICKDATA_SSH_KEY", "VAULT_PASSWORD"}
    assert [len(said) for said in found.values()] == [1] * len(found)
    assert all(re.search("; (export|run|name) ", said[0]) for said in found.values()), found
    assert "AWS_SECRET_ACCESS_KEY" in typed.said
    assert [path.name for path in person.home.iterdir() if path.name != ".terraform.d"] == []


def test_all_malformed_settings_are_named_at_once_with_one_fix_each(person: Person) -> None:
    malformed = {
        "TF_VAR_bucket_suffix": "under_score",
        "TF_VAR_admin_cidr": "203.0.113.7/33",
        "AWS_REGION": "Paris",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:4566",
        "AWS_ACCESS_KEY_ID": "AKIAEXAMPLE",
        "GITLAB_PAT": "pat-of-nobody",
        "QUICKDATA_SSH_KEY": "/nowhere/key",
        "ANSIBLE_VAULT_PASSWORD_FILE": "/nowhere/password",
    }
    typed = person.quickdata("deploy", VAULT_PASSWORD="vault-password-of-nobody", **malformed)
    assert typed.exit_code == 2
    found = problems(typed.said)
    assert set(found) == set(malformed)
    assert all(len(texts) == 1 for texts in found.values())
    assert "of-nobody" not in typed.said


@pytest.mark.parametrize("words", ["restore", "adopt app", "destroy", "migrate-state --from local --to s3"])
def test_what_asks_first_wants_its_answer_before_anything_is_looked_at(person: Person, words: str) -> None:
    """AWS does not answer here: whoever asked it would end with 1."""
    typed = person.quickdata(*words.split(), **person.settings())
    assert typed.exit_code == 2, typed.said
    assert "there is no terminal\n  → add --yes" in typed.said
    assert "does not answer" not in typed.said


def test_a_file_with_windows_line_endings_is_recognised(person: Person) -> None:
    names = ("TF_VAR_bucket_suffix", "TF_VAR_admin_cidr", "AWS_SECRET_ACCESS_KEY")
    settings = {name: f"{value}\r" if name in names else value for name, value in person.settings().items()}
    typed = person.quickdata("check", **settings)
    assert typed.exit_code == 2, typed.said
    assert "TF_VAR_bucket_suffix: 'ppr\\r' ends with a carriage return" in typed.said
    assert typed.said.count("has Windows line endings; save that file with Unix line endings") == len(names)
    assert "\r" not in typed.said
    assert "of-nobody" not in typed.said


@pytest.mark.parametrize("suffix", ["x" * 28, "pépé"])
def test_a_suffix_that_s3_would_refuse_is_refused_before_anything_starts(person: Person, suffix: str) -> None:
    typed = person.quickdata("rehearse", "--suffix", suffix)
    assert typed.exit_code == 2
    assert "--suffix" in typed.said


def test_half_a_key_pair_is_said(person: Person) -> None:
    typed = person.quickdata("deploy", **person.settings() | {"AWS_SECRET_ACCESS_KEY": ""})
    assert typed.exit_code == 2
    assert list(problems(typed.said)) == ["AWS_ACCESS_KEY_ID"]
    assert "AWS_SECRET_ACCESS_KEY" in typed.said


def test_an_aws_that_cannot_be_reached_is_said_before_any_tool_runs(person: Person) -> None:
    typed = person.quickdata("deploy", **person.settings())
    assert typed.exit_code == 1
    assert re.search(
        r"AWS \(eu-west-3\) does not answer\n +→ check the network and the region\n +\| ", typed.said
    )
    assert "storage: init" not in typed.said
    assert "of-nobody" not in typed.said


def test_without_a_tool_and_without_a_network_the_fix_is_said(person: Person) -> None:
    typed = person.quickdata("deploy", **person.settings() | {"PATH": str(person.home)})
    assert typed.exit_code == 1
    assert re.search(
        r"OpenTofu could not be downloaded from https://.*\n  → allow access to that address", typed.said
    )
    assert not (person.home / ".cache/quickdata" / f"tofu-{tools.VERSION}").exists()


def test_a_mirror_without_the_provider_is_named(person: Person) -> None:
    typed = person.quickdata("deploy", **person.settings() | {"QUICKDATA_PROVIDER_MIRROR": "/nowhere"})
    assert typed.exit_code == 1
    assert re.search(r"/nowhere has no registry.*\n  → set QUICKDATA_PROVIDER_MIRROR", typed.said)


def test_a_machine_that_cannot_hold_the_workspace_says_so_and_keeps_nothing(
    person: Person, tmp_path: Path
) -> None:
    """The limit is a file's size, because it needs no rights; a full disk is told in the same way."""
    words = ("rehearse", "--nodes", "local")
    typed = person.quickdata(*words, limit=("prlimit", "--fsize=1500"), TMPDIR=str(tmp_path))
    assert typed.exit_code == 1
    assert re.search(r"File too large.*\n  → free some space", typed.said)
    assert list(tmp_path.glob("quickdata-*")) == []
