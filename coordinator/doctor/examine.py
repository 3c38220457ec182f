"""The whole examination."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from functools import cache, partial
from pathlib import Path

from coordinator.configuration.settings import Settings
from coordinator.configuration.sources import load_settings
from coordinator.doctor import cluster, data, machine, software, storage
from coordinator.doctor.finding import Check, Finding, failed, findings_of, passed
from infra.feeds.ecb import EcbFeed
from infra.feeds.facts import SourceFacts
from infra.memory import available_memory
from market.errors import QuorumError

PROJECT = Path(__file__).resolve().parent.parent.parent


def examine(config: Path | None = None, *, start_ray: bool = False) -> list[Finding]:
    """Look at everything that a replay needs; nothing is written or left running.

    config: the configuration file; None takes the usual one. start_ray: try that too, which
    takes seconds.
    """
    settings, configuration = _configuration(config)
    facts = cache(lambda: EcbFeed().facts)
    installed = cache(software.installed_packages)
    environment = os.environ
    home, runs = Path.home(), settings.run.out
    kernels = Path(environment.get("NUMBA_CACHE_DIR") or _cache(home) / "quorum")
    rays = Path(environment.get("RAY_TMPDIR") or tempfile.gettempdir()) / "ray"
    lock = PROJECT / "requirements.lock"
    checks: list[tuple[str, Check]] = [
        ("python", partial(software.python_version, sys.version_info[:3])),
        ("packages", lambda: software.packages(installed())),
        ("lock", lambda: software.lock(installed(), software.locked_packages(lock))),
        ("configuration", lambda: [configuration]),
        ("data", partial(data.configured_files, settings)),
        ("ECB rates", lambda: data.ecb_rates(facts(), machine.utc_now())),
        ("runs", partial(storage.writable, "runs", runs, "choose another with --out")),
        ("compiled code", partial(_compiled, kernels)),
        ("disk", partial(storage.room, "disk", runs)),
        ("disk, Ray", partial(storage.room_for_ray, rays)),
        ("memory", lambda: machine.memory(available_memory())),
        ("shared memory", machine.shared_memory),
        ("processors", lambda: machine.processors(machine.usable_processors())),
        ("clock", lambda: _clock(facts())),
        ("Ray", partial(cluster.address, environment)),
        ("Ray's token", partial(cluster.token, environment, home)),
    ]
    if start_ray:
        checks.append(("Ray starts", lambda: cluster.start(cluster.time_to_start())))
    return findings_of(checks)


def _configuration(config: Path | None) -> tuple[Settings, Finding]:
    """The settings in force, or the defaults and what is wrong with them."""
    try:
        settings = load_settings(config)
    except QuorumError as error:
        return Settings(), failed("configuration", str(error), "quorum config show has every key")
    named = config or Path("quorum.toml")
    where = str(named) if named.is_file() else "defaults; no quorum.toml here"
    return settings, passed("configuration", where)


def _cache(home: Path) -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or home / ".cache")


def _compiled(folder: Path) -> Iterator[Finding]:
    mend = "every start compiles for half a minute; set XDG_CACHE_HOME to a folder of yours"
    return storage.writable("compiled code", folder, mend, needed=False)


def _clock(facts: SourceFacts) -> Iterator[Finding]:
    return machine.clock(machine.utc_now(), facts.last, machine.clock_synchronised())
