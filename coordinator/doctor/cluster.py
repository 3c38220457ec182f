"""Ray: the cluster that would be used, its token, and whether a Ray can be started."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from coordinator.doctor.finding import Finding, failed, passed, warned
from infra.ray_address import check_address
from market.errors import ConfigError, QuorumError

READABLE_BY_OTHERS = 0o077
NAMESPACE = "quorum-doctor"
AUTO, LOCAL = "auto", "local"
"""What `RAY_ADDRESS` may say instead of an address."""


def address(environment: Mapping[str, str]) -> Iterator[Finding]:
    """Which Ray a replay would use, and whether something answers there."""
    given = environment.get("RAY_ADDRESS", "")
    if given in {"", LOCAL}:
        yield passed("Ray", "RAY_ADDRESS is not set: a run that needs Ray starts its own")
        return
    if given == AUTO:
        yield passed("Ray", "RAY_ADDRESS=auto: the Ray of this machine; --start-ray tries it")
        return
    try:
        check_address(given)
    except (ConfigError, OSError) as error:
        yield failed(
            "Ray",
            f"RAY_ADDRESS={given}: {error}",
            "start the cluster (ray up ray_cluster.yaml), or unset RAY_ADDRESS",
        )
    else:
        yield passed("Ray", f"RAY_ADDRESS={given}: a Ray head answers there")


def token(environment: Mapping[str, str], home: Path) -> Iterator[Finding]:
    """Whether Ray asks for its token, and whether others on this machine can read it."""
    mode = environment.get("RAY_AUTH_MODE", "")
    if mode == "disabled":
        yield warned(
            "Ray's token",
            "RAY_AUTH_MODE=disabled: whoever reaches Ray's ports can run programs here",
            "unset RAY_AUTH_MODE, or set it to token, on every machine of the cluster",
        )
        return
    if environment.get("RAY_AUTH_TOKEN"):
        yield passed("Ray's token", "in RAY_AUTH_TOKEN")
        return
    path = Path(environment.get("RAY_AUTH_TOKEN_PATH") or home / ".ray" / "auth_token")
    if not path.is_file():
        yield from _no_token(environment, path)
    elif not mode and environment.get("RAY_ADDRESS", "") not in {"", AUTO, LOCAL}:
        yield warned(
            "Ray's token",
            f"{path} is not shown to an address that is named, unless RAY_AUTH_MODE says so",
            "export RAY_AUTH_MODE=token, as the cluster's machines do",
        )
    elif path.stat().st_mode & READABLE_BY_OTHERS and home_is_open(path):
        yield warned("Ray's token", f"others can read {path}", f"chmod 600 {path}")
    else:
        yield passed("Ray's token", f"{path}, for this user alone")


def home_is_open(path: Path) -> bool:
    """Whether other users can get as far as this file."""
    return all(folder.stat().st_mode & 0o011 for folder in path.absolute().parents)


def start(answered: float | QuorumError) -> Iterator[Finding]:
    """How starting a Ray went. answered: seconds until a task had been run, or what went wrong."""
    if isinstance(answered, QuorumError):
        yield failed("Ray starts", str(answered), "see what the message names")
    else:
        yield passed("Ray starts", f"in {answered:.1f} s, and runs a task")


def time_to_start() -> float | QuorumError:
    """Connect to Ray as a replay does, run a task, stop again."""
    import ray  # noqa: PLC0415

    from infra.runtime import ray_cluster  # noqa: PLC0415

    began = time.perf_counter()
    try:
        with ray_cluster(NAMESPACE):
            ray.get(ray.remote(_nothing).remote())
            return time.perf_counter() - began
    except QuorumError as error:
        return error


def _nothing() -> None:
    """A task."""


def _no_token(environment: Mapping[str, str], path: Path) -> Iterator[Finding]:
    if environment.get("RAY_ADDRESS", "") not in {"", LOCAL}:
        yield warned(
            "Ray's token",
            f"none at {path}; a cluster that asks for one will refuse",
            "copy it from the machine that the cluster was started from",
        )
    else:
        yield passed("Ray's token", f"none yet: the first start of Ray writes {path}")
