"""Ray: connecting to a cluster, or starting a local one sized for the machine."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import ray
from ray.exceptions import RayError

from infra.brokers.oanda.credentials import TOKEN_VARIABLE
from infra.ray_address import check_address
from market.errors import FatalError

PROJECT = Path(__file__).resolve().parent.parent
LOCAL = "local"
OBJECT_STORE_BYTES = 256 * 1024 * 1024
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
"""Eight actors share few cores, and a sum over threads would have no fixed order."""


def import_paths() -> list[str]:
    """What the actors need on their path: the project, and the folder of the user's own agents."""
    return list(dict.fromkeys([str(PROJECT), str(Path.cwd())]))


@contextmanager
def ray_cluster(
    namespace: str, *, dashboard: bool = False, store_bytes: int = OBJECT_STORE_BYTES
) -> Iterator[str | None]:
    """A connection to Ray for the time of a session; gives the dashboard's URL, None without one.

    Where `RAY_ADDRESS` is set (as it is inside `ray job submit`) or a connection is open, that
    cluster is used and left running; else a local one is started, with an object store of
    `store_bytes`, and stopped again. Raises
    ConfigError for an address of another kind, FatalError when neither works.
    """
    if ray.is_initialized():
        yield None
        return
    address = os.environ.get("RAY_ADDRESS", LOCAL)
    try:
        if address not in {"", LOCAL}:
            url = _connect(address, namespace)
        else:
            url = _start(namespace, dashboard, store_bytes)
    except (RayError, ConnectionError, RuntimeError, OSError, ValueError) as error:
        raise FatalError(_unreachable(address, error)) from None
    try:
        yield f"http://{url}" if url else None
    finally:
        ray.shutdown()


def _unreachable(address: str, error: Exception) -> str:
    if address in {"", LOCAL}:
        return (
            f"a local Ray could not be started: {error}. "
            "`quorum doctor --start-ray` looks for the reason."
        )
    mode = os.environ.get("RAY_AUTH_MODE") or "not set"
    return (
        f"the Ray cluster at {address} could not be reached: {error}. Check that `ray status` "
        f"answers there and that RAY_AUTH_MODE (here {mode}) and the token are those of the "
        "cluster, or unset RAY_ADDRESS to start a Ray on this machine."
    )


def _connect(address: str, namespace: str) -> str | None:
    check_address(address)
    joined = ray.init(
        address=address,
        namespace=namespace,
        runtime_env={"env_vars": ONE_THREAD},
        logging_level=logging.ERROR,
        log_to_driver=False,
    )
    return joined.dashboard_url


def _start(namespace: str, dashboard: bool, store_bytes: int) -> str | None:
    """Start Ray on this machine, for whoever holds this user's token alone (Ray's default).

    Workers inherit the environment that it is started with, without a broker's token: only the
    gateway may hold that.
    """
    inherited = os.environ.get("PYTHONPATH")
    paths = [*import_paths(), *(inherited.split(os.pathsep) if inherited else [])]
    path = {"PYTHONPATH": os.pathsep.join(paths)}
    with environment({**ONE_THREAD, **path, TOKEN_VARIABLE: None}):
        started = ray.init(
            address=LOCAL,  # else Ray would join what `ray start` left on this machine
            namespace=namespace,
            include_dashboard=dashboard,
            object_store_memory=store_bytes,
            logging_level=logging.ERROR,
            log_to_driver=False,
        )
    return started.dashboard_url


@contextmanager
def environment(variables: Mapping[str, str | None]) -> Iterator[None]:
    """These environment variables for a while, then those of before. None: not set."""
    before = {name: os.environ.get(name) for name in variables}
    _set(variables)
    try:
        yield
    finally:
        _set(before)


def _set(variables: Mapping[str, str | None]) -> None:
    for name, value in variables.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


def spans_nodes() -> bool:
    """Whether actors may land on different machines."""
    nodes: list[dict[str, object]] = ray.nodes()  # type: ignore[no-untyped-call]
    return sum(bool(node["Alive"]) for node in nodes) > 1


def node_address() -> str:
    """The address under which other nodes reach this one."""
    return str(ray.util.get_node_ip_address())  # type: ignore[no-untyped-call]
