"""The module's containers, and a verb's whole way from its arguments to real tools, without an engine."""

import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import dagger
import pytest
import yaml
from dagger import dag

from pipeline.aws.account import Cloud
from pipeline.containers import deployment as contained
from pipeline.containers import images, services, toolbox
from pipeline.containers.inputs import read_inputs
from pipeline.errors import SettingsError
from pipeline.machine.repository import REPOSITORY
from pipeline.module import Pipeline
from pipeline.rehearsal.workspace import REAL
from pipeline.settings.inputs import Settings
from pipeline.tofu.backends.s3 import S3
from tests.support.ansible_workspace import VAULT
from tests.support.calls import attempt, options
from tests.support.engine import Engine, refuse_processes
from tests.support.ssh_keys import lay_key, require_keygen


@pytest.fixture
def pipeline() -> Pipeline:
    folder = dag.directory()
    return Pipeline(infrastructure=folder, locked=folder, package=folder, source=folder)


def fields(found: Any) -> list[tuple[str, dict[str, Any]]]:
    return [(each.name, each.args) for each in found._ctx.selections]


async def test_the_toolbox_is_made_of_two_images_and_the_lock(engine: Engine) -> None:
    made = await toolbox.toolbox(dag, toolbox.ToolboxSources(), dag.directory(), dag.directory())
    chain = fields(made)
    assert [args["address"] for name, args in chain if name == "from"] == [images.TOOLBOX]
    execs = [args["args"] for name, args in chain if name == "withExec"]
    assert execs[-1][:4] == ["uv", "sync", "--quiet", "--frozen"]
    assert execs[-1][-4:] == ["--group", "tools", "--group", "rehearsal"]
    tofu = next(args for name, args in chain if name == "withFile")
    assert fields(tofu["source"])[1] == ("from", {"address": images.TOFU})


async def test_a_provider_is_downloaded_once_for_all_runs(engine: Engine) -> None:
    wanted = toolbox.ToolboxSources()
    chain = fields(await toolbox.toolbox(dag, wanted, dag.directory(), dag.directory()))
    (cache,) = [args for name, args in chain if name == "withMountedCache" and "tofu" in args["path"]]
    assert toolbox.tofu_environment(wanted) == {"TF_PLUGIN_CACHE_DIR": cache["path"]}


async def test_a_tool_that_locks_no_cache_gets_none(engine: Engine) -> None:
    """Two `init` run at once; Terraform does not guard its cache against that."""
    wanted = toolbox.ToolboxSources(tofu_binary=dag.directory().file("terraform"))
    chain = fields(await toolbox.toolbox(dag, wanted, dag.directory(), dag.directory()))
    assert not [args for name, args in chain if name == "withMountedCache" and "tofu" in args["path"]]
    assert toolbox.tofu_environment(wanted) == {}


@pytest.mark.parametrize("host", ["registry.opentofu.org", "registry.example.org"])
async def test_with_a_mirror_nobody_asks_the_registry_for_the_provider(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    async def entries(_: Any) -> list[str]:
        return ["README", f"{host}/"]

    async def exists(_: Any, path: str) -> bool:
        return path.startswith(f"{host}/hashicorp/aws/")

    monkeypatch.setattr(dagger.Directory, "entries", entries)
    monkeypatch.setattr(dagger.Directory, "exists", exists)
    wanted = toolbox.ToolboxSources(provider_mirror=dag.directory())
    chain = fields(await toolbox.toolbox(dag, wanted, dag.directory(), dag.directory()))
    (mounted,) = [args["path"] for name, args in chain if name == "withMountedDirectory"]
    assert mounted.startswith(f"{toolbox.PROVIDERS}/registry.opentofu.org/hashicorp/aws/")
    (written,) = [args for name, args in chain if name == "withNewFile"]
    assert toolbox.tofu_environment(wanted) == {"TF_CLI_CONFIG_FILE": written["path"]}
    assert f'filesystem_mirror {{ path = "{toolbox.PROVIDERS}" }}' in written["contents"]
    assert 'direct { exclude = ["registry.opentofu.org/hashicorp/aws"] }' in written["contents"]


async def test_a_mirror_without_the_provider_is_told(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    async def entries(_: Any) -> list[str]:
        return ["README"]

    monkeypatch.setattr(dagger.Directory, "entries", entries)
    with pytest.raises(SettingsError, match="--provider-mirror has no"):
        wanted = toolbox.ToolboxSources(provider_mirror=dag.directory())
        await toolbox.toolbox(dag, wanted, dag.directory(), dag.directory())


@pytest.mark.parametrize("image", [images.TOOLBOX, images.TOFU])
def test_images_are_pinned_by_version(image: str) -> None:
    assert re.search(r":\d+\.\d+", image)


async def test_a_closed_network_pulls_no_image_of_opentofu_and_checks_hashes(engine: Engine) -> None:
    binary = dag.directory().file("tofu")
    wanted = toolbox.ToolboxSources(
        image="mine:3.11", tofu_binary=binary, index_url="https://pypi.example.org/simple"
    )
    chain = fields(await toolbox.toolbox(dag, wanted, dag.directory(), dag.directory()))
    assert ("from", {"address": "mine:3.11"}) in chain
    assert ("withEnvVariable", {"name": "UV_DEFAULT_INDEX", "value": wanted.index_url}) in chain
    assert any("--require-hashes" in args["args"] for name, args in chain if name == "withExec")
    assert next(args["source"] for name, args in chain if name == "withFile") is binary
    assert images.TOFU not in engine.words + str(chain)


async def test_an_index_with_a_password_in_its_address_is_refused_without_showing_it(engine: Engine) -> None:
    """The engine shows variables, and remembers an exec by them."""
    wanted = toolbox.ToolboxSources(index_url="https://somebody:s3cret@pypi.example.org/simple")
    with pytest.raises(SettingsError, match="--index-url contains a user") as caught:
        await toolbox.toolbox(dag, wanted, dag.directory(), dag.directory())
    assert "s3cret" not in f"{caught.value} {engine.words}"


async def test_inputs_become_the_variables_of_the_host(
    pipeline: Pipeline, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "environ", {name: os.environ[name] for name in ("PATH", "HOME")})
    before = dict(os.environ)
    values = {"AWS_ACCESS_KEY_ID": "AKIA", "AWS_SECRET_ACCESS_KEY": "secret", "VAULT_PASSWORD": "vault"}
    values |= {"QUICKDATA_SSH_KEY": "-----KEY-----\n"}
    secrets = {name: dag.set_secret(name, value) for name, value in values.items()}
    engine.secrets.update(values)
    inputs = replace(
        pipeline,
        bucket_suffix="ppr",
        admin_cidr="203.0.113.7/32",
        aws_access_key_id=secrets["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=secrets["AWS_SECRET_ACCESS_KEY"],
        vault_password=secrets["VAULT_PASSWORD"],
        ssh_key=secrets["QUICKDATA_SSH_KEY"],
    )
    given = await read_inputs(inputs)
    settings = contained.validate_inputs(Settings, given.values)
    assert (settings.bucket_suffix, settings.vault_password) == ("ppr", "vault")
    assert settings.ssh_key.read_text() == values["QUICKDATA_SSH_KEY"]
    assert settings.credentials == {"aws_access_key_id": "AKIA", "aws_secret_access_key": "secret"}
    assert given.secrets["vault"] is secrets["VAULT_PASSWORD"]
    assert os.environ == before, "an option went by way of the environment"


async def test_a_verb_on_aws_runs_from_its_arguments_alone(
    pipeline: Pipeline, engine: Engine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The check of real tools with a real key and a real vault; only AWS itself is not asked."""
    monkeypatch.setattr(os, "environ", {name: os.environ[name] for name in ("PATH", "HOME")})
    monkeypatch.setattr(Cloud, "account", nobody)
    monkeypatch.setattr(Cloud, "owns", nobody)
    monkeypatch.setattr(S3, "find_lock", nobody)
    monkeypatch.setattr(S3, "exists", nobody)
    tofu = (
        shutil.which("tofu") or shutil.which("terraform") or pytest.skip("neither tofu nor terraform is here")
    )
    engine.places |= {toolbox.TOFU: tofu}
    lay_down(tmp_path)
    refuse_processes(engine, monkeypatch)
    values = {"ssh_key": (tmp_path / "key").read_text(), "vault_password": "open-sesame"}
    values |= {"aws_access_key_id": "AKIAEXAMPLE", "aws_secret_access_key": "secret-of-aws"}
    given = options("check") | {name: dag.set_secret(name, value) for name, value in values.items()}
    given |= {"bucket_suffix": "ppr", "admin_cidr": "203.0.113.7/32"}
    done = await attempt(pipeline, "check", given)
    assert done.error is None, str(done.error)
    assert "vault.yml is encrypted, the password is right" in done.summary()
    assert list((tmp_path / "workspace").iterdir()) == []
    assert not [name for name, value in values.items() if value.strip() in engine.words]


def lay_down(tmp_path: Path) -> None:
    """Lay down the infrastructure with a vault, and a key."""
    shutil.copytree(REPOSITORY / "infrastructure", tmp_path / "source", ignore=shutil.ignore_patterns(*REAL))
    (tmp_path / "workspace").mkdir()
    vault = tmp_path / "source/ansible/group_vars/all/vault.yml"
    vault.write_text(yaml.safe_dump(VAULT))
    (tmp_path / "password").write_text("open-sesame")
    encrypt = [Path(sys.executable).with_name("ansible-vault"), "encrypt", "--vault-password-file"]
    subprocess.run([*encrypt, str(tmp_path / "password"), str(vault)], check=True, capture_output=True)
    require_keygen()
    lay_key(tmp_path / "key")


async def nobody(*_: Any) -> None:
    """What an account says in which there is nothing."""


def test_a_service_is_reached_by_its_ip_address() -> None:
    assert services.address("http://localhost:4566") == "127.0.0.1"
