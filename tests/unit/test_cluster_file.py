"""`ray_cluster.yaml` and its scripts: what Ray's launcher is given holds together."""

from __future__ import annotations

import os
import re
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from ray.autoscaler._private.util import prepare_config, validate_config

PROJECT = Path(__file__).resolve().parents[2]
FILE = PROJECT / "ray_cluster.yaml"
SCRIPTS = PROJECT / "infra" / "cluster"


def cluster_file() -> dict[str, Any]:
    return yaml.safe_load(FILE.read_text("utf-8"))


def commented_node_types() -> dict[str, Any]:
    """The part for a cloud, which stands as a comment at the end."""
    block = FILE.read_text("utf-8").partition("\n# head_node_type:")
    return yaml.safe_load(re.sub(r"^# ?", "", "".join(block[1:]).lstrip("\n"), flags=re.M))


def test_the_file_is_what_rays_launcher_accepts() -> None:
    prepared = prepare_config(cluster_file())
    validate_config(prepared)
    assert prepared["max_workers"] == len(prepared["provider"]["worker_ips"])


def test_a_key_that_ray_does_not_know_would_be_refused() -> None:
    with pytest.raises(Exception, match="file_mount_points"):
        validate_config(prepare_config(cluster_file() | {"file_mount_points": {}}))


def test_the_part_for_a_cloud_is_accepted_too() -> None:
    on_premises = {"min_workers", "provider"}
    config = {key: value for key, value in cluster_file().items() if key not in on_premises}
    config |= commented_node_types() | {
        "provider": {"type": "aws", "region": "eu-central-1"},
        "auth": {"ssh_user": "admin"},
        "max_workers": 4,
    }
    prepared = prepare_config(config)
    validate_config(prepared)
    assert prepared["head_node_type"] in prepared["available_node_types"]


def test_every_mounted_path_exists_and_every_room_is_mounted() -> None:
    mounts = cluster_file()["file_mounts"]
    here = [local for local in mounts.values() if not local.startswith("~")]
    assert [local for local in here if not (PROJECT / local).exists()] == []
    assert {"market", "agents", "coordinator", "infra"} <= set(here)
    assert {"requirements.lock", "pyproject.toml", "Makefile"} <= set(here)


def test_what_the_nodes_run_is_mounted() -> None:
    config = cluster_file()
    for command in config["setup_commands"]:
        script = command.rpartition("~/quorum/")[2]
        assert script.partition("/")[0] in config["file_mounts"].values()
        assert (PROJECT / script).is_file()


def test_nothing_of_the_cluster_listens_to_the_world_and_the_token_travels() -> None:
    config = cluster_file()
    (head,) = [line for line in config["head_start_ray_commands"] if "--head" in line]
    assert "--dashboard-host=127.0.0.1" in head
    assert "~/.ray/auth_token" in config["file_mounts"]
    assert "RAY_AUTH_MODE=token" in (SCRIPTS / "set_up.sh").read_text("utf-8")


def node_in(tmp_path: Path) -> Path:
    """A home folder as `ray up` leaves it, with a Makefile that makes an empty environment."""
    project = tmp_path / "quorum"
    (project / "infra" / "cluster").mkdir(parents=True)
    script = project / "infra" / "cluster" / "set_up.sh"
    script.write_text((SCRIPTS / "set_up.sh").read_text("utf-8"))
    (project / "Makefile").write_text(".venv/.ready:\n\tmkdir .venv && touch $@\n")
    (tmp_path / ".ray").mkdir()
    (tmp_path / ".ray" / "auth_token").write_text("a token")
    return script


def shell(home: Path, *command: str) -> str:
    environment = {"HOME": str(home), "PATH": os.environ["PATH"]}
    return subprocess.run(
        command, env=environment, check=True, capture_output=True, text=True
    ).stdout


def test_setting_a_node_up_again_changes_nothing(tmp_path: Path) -> None:
    script = node_in(tmp_path)
    shell(tmp_path, "bash", str(script))
    once = (tmp_path / ".bashrc").read_text(), (tmp_path / ".profile").read_text()
    shell(tmp_path, "bash", str(script))
    assert ((tmp_path / ".bashrc").read_text(), (tmp_path / ".profile").read_text()) == once


def test_a_login_shell_of_a_node_finds_project_and_environment(tmp_path: Path) -> None:
    script = node_in(tmp_path)
    shell(tmp_path, "bash", str(script))
    told = shell(tmp_path, "bash", "--login", "-c", "echo $PYTHONPATH $RAY_AUTH_MODE; echo $PATH")
    first, path = told.splitlines()
    assert first == f"{tmp_path}/quorum token"
    assert path.startswith(f"{tmp_path}/quorum/.venv/bin:")


def test_a_nodes_token_is_for_its_user_alone(tmp_path: Path) -> None:
    shell(tmp_path, "bash", str(node_in(tmp_path)))
    mode = (tmp_path / ".ray" / "auth_token").stat().st_mode
    assert stat.S_IMODE(mode) == 0o600


def submitted(tmp_path: Path, *arguments: str, options: tuple[str, ...] = ()) -> tuple[int, str]:
    """Run the script as `ray submit` does: a copy of it alone, from the home folder."""
    copy = tmp_path / "submit_replay.py"
    copy.write_text((SCRIPTS / "submit_replay.py").read_text("utf-8"))
    done = subprocess.run(
        [sys.executable, *options, str(copy), *arguments],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(PROJECT)},
        check=False,
        capture_output=True,
        text=True,
    )
    return done.returncode, done.stdout + done.stderr


def test_a_submitted_replay_gets_its_flags(tmp_path: Path) -> None:
    code, told = submitted(tmp_path, "--data", "no_such_file.csv", "--out", str(tmp_path))
    assert code == 2
    assert "no_such_file.csv" in told


def test_a_submitted_replay_without_the_project_says_what_to_do(tmp_path: Path) -> None:
    code, told = submitted(tmp_path, options=("-I", "-S"))
    assert code == 1
    assert "ray up" in told
