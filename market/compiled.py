"""How array functions are compiled: strict IEEE arithmetic, cached under a digest of their source.

numba's own cache watches the file of the compiled function only; a callee changed in another
file would go on running with its old code. The cache folder is therefore named by a digest of
every source file that defines a kernel, the compiler's version and the flags.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar, cast

# Intel's vector library rounds differently from libm and is not on every machine.
os.environ.setdefault("NUMBA_DISABLE_INTEL_SVML", "1")

import numba
from numba.core import config as numba_config

FLAGS = "error_model=numpy fastmath=False nogil=True"
KEPT_CACHES = 8

Function = TypeVar("Function", bound=Callable[..., object])


def source_digest() -> str:
    """Digest of every project file that defines a kernel, of numba's version and the flags."""
    root = Path(__file__).resolve().parent.parent
    digest = hashlib.sha256(
        f"{numba.__version__}{FLAGS}{os.environ.get('NUMBA_BOUNDSCHECK')}".encode()
    )
    for package in ("agents", "coordinator", "infra", "market"):
        for path in sorted((root / package).rglob("*.py")):
            source = path.read_bytes()
            if b"@kernel" in source:
                digest.update(path.relative_to(root).as_posix().encode() + source)
    return digest.hexdigest()[:16]


def cache_folder() -> Path:
    """The user's cache folder for compiled kernels; a temporary one where none can be written."""
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = home / "quorum" / "kernels" / source_digest()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        os.utime(folder)
    except OSError:
        return Path(tempfile.mkdtemp(prefix="quorum-kernels-"))
    by_use = sorted(folder.parent.iterdir(), key=lambda path: path.stat().st_mtime, reverse=True)
    for stale in by_use[KEPT_CACHES:]:
        shutil.rmtree(stale, ignore_errors=True)
    return folder


if "NUMBA_CACHE_DIR" not in os.environ:
    numba_config.CACHE_DIR = str(cache_folder())  # type: ignore[attr-defined]


def kernel(function: Function) -> Function:
    """Compile an array function at its first call; the same source always gives the same bits.

    Kernels use strict arithmetic (no reassociation, no contraction), divide as numpy does
    (x/0 is inf or NaN, never an exception) and release the interpreter lock.
    """
    compiler: Callable[[Function], object] = numba.njit(
        cache=True, error_model="numpy", fastmath=False, nogil=True
    )
    return cast(Function, compiler(function))
