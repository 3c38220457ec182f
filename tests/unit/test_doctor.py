"""`quorum doctor`: what it finds, what it advises, and what it never does."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coordinator.doctor import cluster, data, machine, software, storage
from coordinator.doctor.examine import examine
from coordinator.doctor.finding import Finding, findings_of, passed
from infra.feeds.ecb import EcbFeed
from infra.memory import available_memory
from market.errors import FatalError
from tests.fake_heads import OF_A_SERVER, somebody_answers

PROJECT = Path(__file__).resolve().parents[2]
NOW = datetime(2026, 7, 1, 12, tzinfo=UTC)
ALL = {software.normalised(name): "1.0" for name in (*software.PACKAGES, *software.EXTRAS)}


def only(findings: Iterator[Finding]) -> Finding:
    (finding,) = findings
    return finding


def states(findings: Iterator[Finding]) -> dict[str, str]:
    return {finding.subject: finding.state for finding in findings}


def test_a_missing_package_fails_and_an_optional_one_does_not() -> None:
    without = {name: "1.0" for name in ALL if name not in {"ray", "qiskit-aer"}}
    told = {finding.subject: finding for finding in software.packages(without)}
    assert told["ray"].state == "fail"
    assert "requirements.lock" in told["ray"].mend
    assert told["qiskit-aer"].state == "pass"
    assert "quorum-desk[aer]" in told["qiskit-aer"].mend


def test_every_package_that_is_examined_is_a_dependency_of_the_project() -> None:
    stated = (PROJECT / "pyproject.toml").read_text("utf-8")
    assert [name for name in software.PACKAGES if f'"{name}' not in stated] == []
    for name, (extra, _) in software.EXTRAS.items():
        assert f'{extra} = ["{name}' in stated


def test_the_lock_is_compared_without_regard_to_local_builds(tmp_path: Path) -> None:
    lock = tmp_path / "requirements.lock"
    lock.write_text("# exact versions\nNumPy==2.4.0\ntorch==2.13.0\nnot_here==1.0\n")
    locked = software.locked_packages(lock)
    same = {"numpy": "2.4.0", "torch": "2.13.0+cpu", "other": "9"}
    assert only(software.lock(same, locked)).state == "pass"
    other = only(software.lock(same | {"numpy": "2.3.1"}, locked))
    assert other.state == "warn"
    assert "numpy 2.3.1 (locked 2.4.0)" in other.found


def test_an_old_python_fails() -> None:
    assert only(software.python_version((3, 10, 9))).state == "fail"
    assert only(software.python_version((3, 11, 0))).state == "pass"


def test_this_environment_has_every_package() -> None:
    assert "fail" not in states(software.packages(software.installed_packages())).values()


@given(st.floats(0.0, 1e12))
def test_less_memory_is_never_judged_better(available: float) -> None:
    order = ["fail", "warn", "pass"]
    less, more = (only(machine.memory(size)).state for size in (available / 2, available))
    assert order.index(less) <= order.index(more)


def test_a_containers_limit_counts_as_its_memory(tmp_path: Path) -> None:
    meminfo, limit = tmp_path / "meminfo", tmp_path / "memory.max"
    meminfo.write_text("MemTotal: 9000000 kB\nMemAvailable:    8000000 kB\n")
    limit.write_text("1000000000\n")
    assert available_memory(meminfo, limit) == 1e9
    limit.write_text("max\n")
    assert available_memory(meminfo, limit) == 8_000_000 * 1024
    assert available_memory(tmp_path / "absent", limit) is None


def test_a_clock_before_the_newest_price_fails_and_a_free_running_one_warns() -> None:
    behind = only(machine.clock(NOW, NOW + timedelta(days=1), None))
    assert behind.state == "fail"
    assert only(machine.clock(NOW, NOW, False)).state == "warn"
    assert only(machine.clock(NOW, None, True)).state == "pass"


def test_a_folder_is_left_as_it_was(tmp_path: Path) -> None:
    inside = tmp_path / "not" / "yet"
    assert only(storage.writable("runs", inside, "choose another")).state == "pass"
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_fails_where_it_is_needed(tmp_path: Path) -> None:
    file = tmp_path / "runs"
    file.touch()
    needed = only(storage.writable("runs", file, "choose another"))
    spare = only(storage.writable("compiled code", file, "choose another", needed=False))
    assert (needed.state, spare.state) == ("fail", "warn")
    assert needed.mend == "choose another"


def test_old_rates_warn_with_the_day_they_end() -> None:
    facts = EcbFeed().facts
    assert only(data.ecb_rates(facts, facts.last + timedelta(days=30))).state == "pass"
    old = only(data.ecb_rates(facts, facts.last + timedelta(days=800)))
    assert old.state == "warn"
    assert f"{facts.last:%Y-%m-%d}" in old.found


def test_a_cluster_that_does_not_answer_fails_and_one_that_does_passes() -> None:
    with somebody_answers(OF_A_SERVER) as there:
        assert only(cluster.address({"RAY_ADDRESS": there})).state == "pass"
    gone = only(cluster.address({"RAY_ADDRESS": there}))
    assert gone.state == "fail"
    assert "ray up" in gone.mend


@pytest.mark.parametrize("address", ["ray://head:10001", "http://127.0.0.1:8265", "head"])
def test_an_address_of_another_kind_fails_with_what_was_expected(address: str) -> None:
    found = only(cluster.address({"RAY_ADDRESS": address}))
    assert found.state == "fail"
    assert "HOST:PORT" in found.found


def test_no_address_means_a_local_ray() -> None:
    assert only(cluster.address({})).state == "pass"
    assert only(cluster.address({"RAY_ADDRESS": "local"})).state == "pass"


def test_a_token_that_others_can_read_warns() -> None:
    with tempfile.TemporaryDirectory() as name:  # pytest's own folders are closed to others
        folder = Path(name)
        folder.chmod(0o755)
        token = folder / "token"
        token.write_text("secret")
        environment = {"RAY_AUTH_TOKEN_PATH": str(token)}
        token.chmod(0o644)
        open_to_all = only(cluster.token(environment, folder))
        token.chmod(0o600)
        closed = only(cluster.token(environment, folder))
    assert (open_to_all.state, closed.state) == ("warn", "pass")
    assert open_to_all.mend == f"chmod 600 {token}"
    assert "secret" not in open_to_all.found + closed.found


def test_a_token_behind_a_closed_folder_is_safe(tmp_path: Path) -> None:
    home = tmp_path / "home"
    (home / ".ray").mkdir(parents=True)
    (home / ".ray" / "auth_token").write_text("secret")
    home.chmod(0o700)
    assert only(cluster.token({}, home)).state == "pass"


def test_token_authentication_that_is_off_warns(tmp_path: Path) -> None:
    assert only(cluster.token({"RAY_AUTH_MODE": "disabled"}, tmp_path)).state == "warn"


def test_a_cluster_without_a_token_at_hand_warns(tmp_path: Path) -> None:
    assert only(cluster.token({}, tmp_path)).state == "pass"
    assert only(cluster.token({"RAY_ADDRESS": "head:6379"}, tmp_path)).state == "warn"


def test_a_ray_that_does_not_start_fails_with_its_reason() -> None:
    assert only(cluster.start(3.2)).state == "pass"
    refused = only(cluster.start(FatalError("a local Ray could not be started: no port")))
    assert (refused.state, refused.found) == ("fail", "a local Ray could not be started: no port")


def test_a_check_that_breaks_is_a_line_of_its_own() -> None:
    def broken() -> Iterator[Finding]:
        raise ZeroDivisionError("no such device")

    findings = findings_of([("disk", broken), ("memory", lambda: [passed("memory", "fine")])])
    assert [(line.subject, line.state) for line in findings] == [
        ("disk", "fail"),
        ("memory", "pass"),
    ]
    assert "no such device" in findings[0].found


def test_whatever_is_not_well_comes_with_its_mend(tmp_path: Path) -> None:
    config = tmp_path / "quorum.toml"
    config.write_text(f'[data]\nsource = "{tmp_path}/gone.csv"\n[run]\nout = "{config}"\n')
    findings = examine(config)
    assert {"runs", "data"} <= {line.subject for line in findings if line.state == "fail"}
    assert [line.subject for line in findings if line.state != "pass" and not line.mend] == []


def test_a_wrong_configuration_is_told_and_the_examination_goes_on(tmp_path: Path) -> None:
    config = tmp_path / "quorum.toml"
    config.write_text("[sizing]\nstop_sigma = 3.0\n")
    findings = {line.subject: line for line in examine(config)}
    assert findings["configuration"].state == "fail"
    assert "stop_sigmas" in findings["configuration"].found
    assert "memory" in findings


def test_json_is_one_object_and_a_failure_is_exit_code_one(tmp_path: Path) -> None:
    config = tmp_path / "quorum.toml"
    config.write_text(f'[data]\nsource = "{tmp_path}/gone.csv"\n')
    done = subprocess.run(
        [sys.executable, "-m", "coordinator", "doctor", "--json", "--config", str(config)],
        cwd=PROJECT,
        check=False,
        capture_output=True,
        text=True,
    )
    told = json.loads(done.stdout)
    assert done.returncode == 1
    assert told["well"] is False
    assert {"subject", "state", "found", "mend"} == set(told["findings"][0])


def test_a_named_cluster_needs_to_be_told_that_the_token_is_meant_for_it(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("secret")
    token.chmod(0o600)
    there = {"RAY_AUTH_TOKEN_PATH": str(token), "RAY_ADDRESS": "head:6379"}
    unsaid = only(cluster.token(there, tmp_path))
    assert unsaid.state == "warn"
    assert "RAY_AUTH_MODE=token" in unsaid.mend
    assert only(cluster.token(there | {"RAY_AUTH_MODE": "token"}, tmp_path)).state == "pass"
