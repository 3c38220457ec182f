"""Ray: connecting to a cluster, or starting a local one sized for the machine."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import ray

from market.errors import FatalError

PROJECT = Path(__file__).resolve().parent.parent
OBJECT_STORE_BYTES = 256 * 1024 * 1024
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
"""Eight actors share few cores, and a sum over threads would have no fixed order."""


def import_paths() -> list[str]:
    """What the actors need on their path: the project, and the folder of the user's own agents."""
    return list(dict.fromkeys([str(PROJECT), str(Path.cwd())]))


@contextmanager
def ray_cluster(namespace: str, *, dashboard: bool = False) -> Iterator[None]:
    """A connection to Ray for the time of a session.

    Where `RAY_ADDRESS` is set (as it is inside `ray job submit`) or a connection is open, that
    cluster is used and left running; else a local one is started and stopped again. Raises
    FatalError when neither works.
    """
    if ray.is_initialized():
        yield
        return
    address = os.environ.get("RAY_ADDRESS")
    try:
        if address:
            _connect(address, namespace)
        else:
            _start(namespace, dashboard=dashboard)
    except (ConnectionError, RuntimeError, OSError, ValueError) as error:
        where = f"the Ray cluster at {address}" if address else "a local Ray"
        raise FatalError(
            f"{where} could not be reached or started: {error}. Unset RAY_ADDRESS to start one "
            "on this machine, or check the address and that `ray status` answers there."
        ) from None
    try:
        yield
    finally:
        ray.shutdown()


def _connect(address: str, namespace: str) -> None:
    ray.init(
        address=address,
        namespace=namespace,
        runtime_env={"env_vars": ONE_THREAD},
        logging_level=logging.WARNING,
        log_to_driver=False,
    )


def _start(namespace: str, *, dashboard: bool) -> None:
    """Start Ray on this machine. Workers inherit the environment that it is started with."""
    inherited = os.environ.get("PYTHONPATH")
    paths = [*import_paths(), *(inherited.split(os.pathsep) if inherited else [])]
    with environment(ONE_THREAD | {"PYTHONPATH": os.pathsep.join(paths)}):
        ray.init(
            address="local",  # else Ray would join what `ray start` left on this machine
            namespace=namespace,
            include_dashboard=dashboard,
            object_store_memory=OBJECT_STORE_BYTES,
            logging_level=logging.ERROR,
            log_to_driver=False,
        )


@contextmanager
def environment(variables: Mapping[str, str]) -> Iterator[None]:
    """These environment variables for a while, then those of before."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def spans_nodes() -> bool:
    """Whether actors may land on different machines."""
    nodes: list[dict[str, object]] = ray.nodes()  # type: ignore[no-untyped-call]
    return sum(bool(node["Alive"]) for node in nodes) > 1


def node_address() -> str:
    """The address under which other nodes reach this one."""
    return str(ray.util.get_node_ip_address())  # type: ignore[no-untyped-call]
