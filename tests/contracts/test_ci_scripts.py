"""The scripts of GitLab's jobs: secrets by name only, private files that go, the verb's own exit code."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.machine.repository import REPOSITORY
from pipeline.reporting.versions import COMMIT
from pipeline.servers.process import free_port
from pipeline.tofu import binary as tools
from tests.support.ssh_keys import lay_key, require_keygen
from tests.support.verb_in_dagger import call, program

KEYS = {"AWS_ACCESS_KEY_ID": "s3cret-a", "AWS_SECRET_ACCESS_KEY": "s3cret-b", "AWS_SESSION_TOKEN": "s3cret-t"}
ROLE = {"AWS_ROLE_ARN": "arn:aws:iam::1:role/ci", "AWS_ID_TOKEN": "s3cret-i"}


@pytest.mark.parametrize("code", [0, 3, 4])
def test_a_call_names_its_secrets_and_ends_with_the_verbs_own_code(tmp_path: Path, code: int) -> None:
    plain = {"TF_VAR_bucket_suffix": "ppr", "QUICKDATA_SSH_KEY": "/builds/key"}
    plain["TF_VAR_s3_bucket_base_name"] = "team-backups"
    words = ("deploy", "--yes")
    ended, argv = call(tmp_path, KEYS | {"VAULT_PASSWORD": "s3cret-c"} | plain, *words, code=code)
    assert ended == code
    assert argv[:4] == ["-m", ".", "call", "--commit"]
    assert argv[argv.index("run") :] == ["run", "--verb", "deploy", "--yes", "-o", "reports"]
    assert argv[argv.index("--aws-secret-access-key") + 1] == "env://AWS_SECRET_ACCESS_KEY"
    assert {"file:///builds/key", "ppr"} <= set(argv[: argv.index("run")])
    assert argv[argv.index("--bucket-base-name") + 1] == "team-backups"
    assert "s3cret" not in "".join(argv)
    assert "--gitlab-pat" not in argv


def test_the_modules_own_options_stand_before_the_function(tmp_path: Path) -> None:
    own = "--toolbox-image mine:3.11 --index-url https://pypi.example.org/simple"
    given = {"QUICKDATA_DAGGER_OPTIONS": own, "CI_COMMIT_SHA": "0123abcd"}
    _, argv = call(tmp_path, KEYS | given, "deploy", code=0)
    before = ["-m", ".", "call", "--commit", "0123abcd", *own.split()]
    assert argv[: len(before)] == before and argv.index("run") > len(before)


def test_a_web_identity_is_taken_before_a_key_pair(tmp_path: Path) -> None:
    """Botocore takes keys first: what is preferred must be alone."""
    _, argv = call(tmp_path, KEYS | ROLE, "deploy")
    assert argv[argv.index("--aws-web-identity-token") + 1] == "env://AWS_ID_TOKEN"
    assert ROLE["AWS_ROLE_ARN"] in argv
    assert not [word for word in argv if "KEY" in word or "session" in word]


@pytest.mark.parametrize("half", ROLE)
@pytest.mark.parametrize("value", [None, ""], ids=["missing", "empty"])
def test_half_a_web_identity_leaves_the_key_pair_in_use(tmp_path: Path, half: str, value: str | None) -> None:
    given = {**KEYS, **ROLE, half: value}
    _, argv = call(tmp_path, {name: each for name, each in given.items() if each is not None}, "deploy")
    assert "--aws-role-arn" not in argv
    assert "--aws-access-key-id" in argv


def test_a_rehearsal_is_handed_no_secret(tmp_path: Path) -> None:
    """A merge request, of a fork too, decides what it runs."""
    files = {"QUICKDATA_SSH_KEY": "/builds/key", "QUICKDATA_VAULT": "/builds/vault"}
    given = KEYS | ROLE | files | {"VAULT_PASSWORD": "s3cret-c", "GITLAB_PAT": "s3cret-g"}
    _, argv = call(tmp_path, given | {"QUICKDATA_STATE_PASSPHRASE": "s3cret-p"}, "rehearse")
    assert not [word for word in argv if "://" in word or "builds" in word]


def test_a_report_names_the_commit_and_not_the_tag_that_is_on_it(tmp_path: Path) -> None:
    git = ["git", "-C", str(tmp_path), "-c", "user.name=somebody", "-c", "user.email=somebody@example.org"]
    for words in (
        ["init", "-q"],
        ["commit", "-q", "--allow-empty", "-m", "x"],
        ["tag", "-a", "v1", "-m", "v1"],
    ):
        subprocess.run([*git, *words], check=True)
    asked = [*git, "rev-parse", "HEAD"], [*git, "describe", *COMMIT]
    head, described = (
        subprocess.run(words, check=True, capture_output=True, text=True).stdout for words in asked
    )
    _, argv = call(tmp_path, KEYS, "deploy")
    assert argv[argv.index("--commit") + 1] == head.strip() == described.strip()


def test_a_call_that_says_no_exit_code_has_failed(tmp_path: Path) -> None:
    assert call(tmp_path, KEYS, "deploy", code="")[0] == 1


def test_a_call_replaces_the_repositorys_own_reports_wherever_it_is_called_from(tmp_path: Path) -> None:
    (tmp_path / "reports").mkdir()
    (tmp_path / "reports/of-an-earlier-run").touch()
    call(tmp_path, {}, "deploy")
    assert [path.name for path in (tmp_path / "reports").iterdir()] == ["exit-code"]


@pytest.mark.parametrize("name", ["AWS_REGION", "AWS_DEFAULT_REGION", "TF_VAR_region"])
def test_a_call_takes_the_region_from_whichever_variable_says_it(tmp_path: Path, name: str) -> None:
    _, argv = call(tmp_path, {name: "eu-west-1"}, "deploy")
    assert argv[argv.index("--aws-region") + 1] == "eu-west-1"


def test_a_call_in_two_regions_calls_nobody(tmp_path: Path) -> None:
    env = {"AWS_REGION": "eu-west-1", "TF_VAR_region": "eu-west-3", "PATH": os.environ["PATH"]}
    command = [str(REPOSITORY / ".ci/verb-in-dagger"), "deploy"]
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
    assert (done.returncode, "TF_VAR_region differ" in done.stderr) == (2, True)


def test_every_option_of_a_call_is_one_of_the_modules() -> None:
    from pipeline.module import Pipeline  # noqa: PLC0415 - imports dagger

    module = Pipeline.__dagger_object_type__  # type: ignore[attr-defined]
    names = [*module.get_constructor().parameters, *module.functions["run"].parameters]
    options = {f"--{name.replace('_', '-')}" for name in names}
    lines = (REPOSITORY / ".ci/verb-in-dagger").read_text().splitlines()
    text = "\n".join(line for line in lines if "git describe" not in line)
    written = {word.strip('"') for word in text.split() if word.startswith("--") and "$" not in word}
    secrets = text.partition('secrets="')[2].partition('"')[0].split()
    assert secrets
    written |= {f"--{name.removeprefix('QUICKDATA_').lower().replace('_', '-')}" for name in secrets}
    assert written - {"--"} <= options


def host(tmp_path: Path, env: dict[str, str], verb: str, said: str) -> subprocess.CompletedProcess[str]:
    """Run .ci/verb-on-host with a program in the place of `quickdata`."""
    shutil.copytree(REPOSITORY / ".ci", tmp_path / ".ci")
    (tmp_path / "infrastructure/ansible/group_vars/all").mkdir(parents=True)
    (tmp_path / "tmp").mkdir()
    program(tmp_path / "bin/make", "exit 0")
    program(tmp_path / ".venv/bin/quickdata", said)
    env = env | {"PATH": f"{tmp_path}/bin:{os.environ['PATH']}", "TMPDIR": str(tmp_path / "tmp")}
    command = [str(tmp_path / ".ci/verb-on-host"), verb]
    return subprocess.run(command, env=env, capture_output=True, text=True, check=False)


def test_the_host_gets_private_files_and_loses_them_afterwards(tmp_path: Path) -> None:
    require_keygen()
    lay_key(tmp_path / "key")
    (tmp_path / "key").chmod(0o644)
    (tmp_path / "vault").write_text("$ANSIBLE_VAULT")
    files = {"QUICKDATA_SSH_KEY": str(tmp_path / "key"), "QUICKDATA_VAULT": str(tmp_path / "vault")}
    said = 'stat -c %a "$QUICKDATA_SSH_KEY"; ls "$QUICKDATA_SSH_KEY.pub"; exit 3'
    done = host(tmp_path, files, "deploy", said)
    assert done.returncode == 3, done.stderr
    assert done.stdout.startswith("600\n")
    assert (tmp_path / "infrastructure/ansible/group_vars/all/vault.yml").read_text() == "$ANSIBLE_VAULT"
    assert list((tmp_path / "tmp").iterdir()) == []


def test_the_host_takes_a_web_identity_before_a_key_pair(tmp_path: Path) -> None:
    said = 'token=$AWS_WEB_IDENTITY_TOKEN_FILE; cat "$token"; stat -c " %a" "${token%/*}"; env | grep ^AWS_'
    done = host(tmp_path, KEYS | ROLE, "deploy", said)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"{ROLE['AWS_ID_TOKEN']} 700\n")
    assert not [name for name in KEYS if f"{name}=" in done.stdout]
    assert "AWS_DEFAULT_REGION=eu-west-3" in done.stdout
    assert list((tmp_path / "tmp").iterdir()) == []


@pytest.mark.parametrize("name", ["AWS_REGION", "AWS_DEFAULT_REGION", "TF_VAR_region"])
def test_the_host_asks_sts_in_the_region_that_was_given(tmp_path: Path, name: str) -> None:
    done = host(tmp_path, ROLE | {name: "eu-west-1"}, "deploy", 'echo "$AWS_DEFAULT_REGION"')
    assert (done.returncode, done.stdout) == (0, "eu-west-1\n"), done.stderr


def test_a_job_without_a_token_runs_although_a_role_is_set_for_the_whole_project(tmp_path: Path) -> None:
    """A rehearsal has no id_tokens: it asks nobody outside."""
    done = host(tmp_path, {"AWS_ROLE_ARN": ROLE["AWS_ROLE_ARN"]}, "rehearse", "env | grep -c TOKEN; exit 0")
    assert (done.returncode, done.stdout) == (0, "0\n"), done.stderr


def ci(tmp_path: Path, tests_on_docker: int, minutes: int = 0) -> subprocess.CompletedProcess[str]:
    """Run .ci/run with a make that prints its arguments; it begins when CI has taken some minutes."""
    (tmp_path / ".ci").mkdir()
    begun = f"SECONDS={minutes * 60}\n"
    shell, text = (REPOSITORY / ".ci/run").read_text().split("\n", 1)
    (tmp_path / ".ci/run").write_text(f"{shell}\n{begun}{text}")
    (tmp_path / ".ci/run").chmod(0o755)
    program(tmp_path / ".ci/swarm", f'echo swarm "$@"; exit {tests_on_docker}')
    program(tmp_path / ".ci/tofu", "exit 77")
    program(tmp_path / "bin/make", 'echo "$@"')
    program(tmp_path / "bin/dpkg-query", "echo ok installed")
    path = {"PATH": f"{tmp_path}/bin:/usr/bin:/bin"}
    return subprocess.run([".ci/run"], cwd=tmp_path, env=path, text=True, capture_output=True, check=False)


@pytest.mark.parametrize(("tests_on_docker", "code"), [(0, 0), (77, 0), (1, 1)])
def test_ci_fails_when_tests_on_docker_fail_not_where_there_is_none(
    tmp_path: Path, tests_on_docker: int, code: int
) -> None:
    done = ci(tmp_path, tests_on_docker)
    assert (done.returncode, done.stdout.splitlines()[-1]) == (code, "swarm"), done.stderr


def test_ci_runs_every_test_once_while_there_is_time(tmp_path: Path) -> None:
    done = ci(tmp_path, 0)
    first, second, *long, _ = done.stdout.splitlines()
    assert (first, second) == ("install-dev", "test")
    assert all(line.startswith("test-long LONG=") for line in long)
    folders = " ".join(long).replace("test-long LONG=", "").split()
    assert sorted(folders) == sorted(map(relative, REPOSITORY.glob("tests/*/long")))


@pytest.mark.parametrize(
    ("minutes", "not_run", "swarm"),
    [
        (40, [], "swarm"),
        (50, ["infrastructure"], "swarm"),
        (
            60,
            ["infrastructure", "e2e", "containers", "contracts"],
            "swarm --not-run 60 minutes have passed",
        ),
    ],
)
def test_ci_says_which_tests_it_has_no_time_for(
    tmp_path: Path, minutes: int, not_run: list[str], swarm: str
) -> None:
    done = ci(tmp_path, 77, minutes)
    lines = [f"Not run: {minutes} minutes have passed: tests/{each}/long" for each in not_run]
    assert [line for line in done.stdout.splitlines() if line.startswith("Not run")] == lines
    assert done.stdout.splitlines()[-1] == swarm
    assert "tests/node/long" in done.stdout
    assert done.returncode == 0, done.stderr


def relative(path: Path) -> str:
    return str(path.relative_to(REPOSITORY))


def test_what_is_not_run_without_docker_is_named() -> None:
    command = [str(REPOSITORY / ".ci/swarm"), "--not-run", "there is no time"]
    done = subprocess.run(command, text=True, capture_output=True, check=False)
    first, *named = done.stdout.splitlines()
    assert (done.returncode, first) == (77, "Not run: there is no time:")
    collect = [sys.executable, "-m", "pytest", "--collect-only", "-q", "tests/swarm"]
    found = subprocess.run(collect, cwd=REPOSITORY, text=True, capture_output=True, check=True).stdout
    tests = set(re.findall(r"::(test_\w+)", found))
    assert tests
    assert {name.strip() for name in named} == tests


def tofu(tmp_path: Path, **env: str) -> subprocess.CompletedProcess[str]:
    """Run .ci/tofu where no release can be downloaded."""
    nowhere = {"HTTPS_PROXY": f"http://127.0.0.1:{free_port()}", "XDG_CACHE_HOME": str(tmp_path)}
    env = {"PATH": f"{tmp_path}/bin:/usr/bin:/bin", "HOME": str(tmp_path)} | nowhere | env
    command = [str(REPOSITORY / ".ci/tofu")]
    return subprocess.run(command, env=env, capture_output=True, text=True, check=False)


def test_the_tests_opentofu_is_the_one_on_path_else_the_one_built_before(tmp_path: Path) -> None:
    built = tmp_path / f"quickdata/built-tofu-{tools.VERSION}"
    program(built / "tofu", "true")
    assert tofu(tmp_path).stdout == f"{built}\n"
    program(tmp_path / "bin/tofu", "true")
    assert tofu(tmp_path).stdout == f"{tmp_path}/bin\n"


def test_an_opentofu_module_with_another_checksum_is_not_built(tmp_path: Path) -> None:
    download = f"""printf '{{"Dir": "{tmp_path}", "Sum": "h1:of-somebody-else"}}'"""
    program(tmp_path / "bin/go", f'[ "$1" = mod ] || {{ touch "{tmp_path}/was-built"; exit 0; }}; {download}')
    ended = tofu(tmp_path)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert "the module differs from the pinned checksum: h1:of-somebody-else" in ended.stderr
    assert not (tmp_path / "was-built").exists()


def test_without_any_opentofu_it_is_said_why(tmp_path: Path) -> None:
    ended = tofu(tmp_path)
    assert (ended.returncode, ended.stdout) == (77, "")
    assert "No OpenTofu here: " in ended.stderr
    assert "could not be downloaded" in ended.stderr


LINTERS = ("ruff", "mypy", "lint-imports", "shfmt", "shellcheck", "uv")


def lint(tmp_path: Path) -> subprocess.CompletedProcess[str]:
    """Run .ci/lint where all linters but tflint are content, and only the basic programs are on PATH."""
    shutil.copytree(REPOSITORY / ".ci", tmp_path / ".ci")
    for name in LINTERS:
        program(tmp_path / "bin" / name, "true")
    for name in ("bash", "dirname", "env", "mkdir", "mv"):
        (tmp_path / "bin" / name).symlink_to(str(shutil.which(name)))
    # python3 on PATH may be a wrapper that needs more programs, as pyenv's is
    program(tmp_path / "bin/python3", f'exec "{sys.executable}" "$@"')
    env = {"PATH": f"{tmp_path}/bin", "HOME": str(tmp_path)}
    command = [str(tmp_path / ".ci/lint")]
    return subprocess.run(command, env=env, capture_output=True, text=True, check=False)


NOT_RUN = "Not run: tflint, which cannot be built here"


def test_without_go_the_linters_say_that_tflint_is_not_run(tmp_path: Path) -> None:
    done = lint(tmp_path)
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, NOT_RUN), done.stderr
    assert "There is no Go here to build tflint" in done.stderr


def test_without_gos_proxy_the_linters_say_that_tflint_is_not_run(tmp_path: Path) -> None:
    program(tmp_path / "bin/go", """echo '{"Error": "the proxy does not answer"}'; exit 1""")
    done = lint(tmp_path)
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, NOT_RUN), done.stderr
    assert "the proxy does not answer" in done.stderr


def test_a_tflint_module_with_another_checksum_fails_the_linters(tmp_path: Path) -> None:
    program(tmp_path / "bin/go", """echo '{"Dir": "/", "Sum": "h1:of-somebody-else"}'""")
    done = lint(tmp_path)
    assert done.returncode == 1
    assert "the module differs from the pinned checksum: h1:of-somebody-else" in done.stderr
    assert "Not run" not in done.stdout
