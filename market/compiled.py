"""How array functions are compiled: strict IEEE arithmetic, cached under a digest of their source.

numba's own cache watches the file of the compiled function only; a callee or a constant changed
in another file would go on with its old code or value. The cache folder is therefore named by a
digest of every source file that a kernel can depend on, the compiler's version and the flags.
Inside it a kernel is found by its file's place in the project, not on the disk: a copy of the
project, such as the one that a submitted job runs, compiles nothing again.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

# Intel's vector library rounds differently from libm and is not on every machine.
os.environ.setdefault("NUMBA_DISABLE_INTEL_SVML", "1")

import numba
import numpy as np
from numba.core import config as numba_config
from numba.core.caching import UserProvidedCacheLocator
from numpy.typing import NDArray

FLAGS = "error_model=numpy fastmath=False nogil=True"
KEPT_CACHES = 8
ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("agents", "coordinator", "infra", "market")
KERNEL = re.compile(r"^@(?:lean_)?kernel$", re.MULTILINE)
IMPORTED = re.compile(rf"^\s*(?:from|import) ((?:{'|'.join(PACKAGES)})[.\w]*)", re.MULTILINE)

Function = TypeVar("Function", bound=Callable[..., object])
Values = TypeVar("Values", bound=NDArray[Any])


def kernel_sources(root: Path) -> dict[str, str]:
    """Every project file that defines a kernel, and all that these import: names to texts."""
    texts = {
        path.relative_to(root).as_posix(): path.read_text(encoding="utf-8")
        for package in PACKAGES
        for path in sorted((root / package).rglob("*.py"))
    }
    waiting = [name for name, text in texts.items() if KERNEL.search(text)]
    found: dict[str, str] = {}
    while waiting:
        name = waiting.pop()
        if name in found or name not in texts:
            continue
        found[name] = texts[name]
        modules = [module.replace(".", "/") for module in IMPORTED.findall(texts[name])]
        waiting += [f"{module}{suffix}" for module in modules for suffix in (".py", "/__init__.py")]
    return dict(sorted(found.items()))


SOURCES = kernel_sources(ROOT)


def source_digest() -> str:
    """Digest of every source file that a kernel can depend on, of numba's version and the flags."""
    digest = hashlib.sha256(
        f"{numba.__version__}{FLAGS}{os.environ.get('NUMBA_BOUNDSCHECK')}".encode()
    )
    for name, text in SOURCES.items():
        digest.update(f"{name}\n{text}".encode())
    return digest.hexdigest()[:16]


def cache_folder() -> Path:
    """The cache folder for compiled kernels; a temporary one where none can be written.

    It lies in NUMBA_CACHE_DIR where that is set, else in the user's cache folder.
    """
    home = Path(
        os.environ.get("NUMBA_CACHE_DIR")
        or os.environ.get("XDG_CACHE_HOME")
        or Path.home() / ".cache"
    )
    folder = home / "quorum" / "kernels" / source_digest()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        os.utime(folder)
    except OSError:
        return Path(tempfile.mkdtemp(prefix="quorum-kernels-"))
    forget_caches(folder.parent)
    return folder


def forget_caches(parent: Path) -> None:
    """Keep the caches used last. Other processes may be at the same work at the same time."""
    used: list[tuple[float, Path]] = []
    for path in parent.iterdir():
        with contextlib.suppress(OSError):
            used.append((path.stat().st_mtime, path))
    for _, stale in sorted(used, reverse=True)[KEPT_CACHES:]:
        shutil.rmtree(stale, ignore_errors=True)


class KernelLocator(UserProvidedCacheLocator):
    """Where the cache keeps a file's functions.

    A file that the digest covers has one place for every copy of the project; for any other it is
    numba's own choice, which goes by the path.
    """

    @classmethod
    def get_suitable_cache_subpath(cls, py_file: str) -> str:
        """The folder inside the cache."""
        path = Path(py_file).resolve()
        if path.is_relative_to(ROOT) and path.relative_to(ROOT).as_posix() in SOURCES:
            return ".".join(path.relative_to(ROOT).parent.parts)
        return cast(str, super().get_suitable_cache_subpath(py_file))  # type: ignore[no-untyped-call]


numba_config.CACHE_DIR = str(cache_folder())  # type: ignore[attr-defined]
if not numba_config.CACHE_LOCATOR_CLASSES:  # type: ignore[attr-defined]
    numba_config.CACHE_LOCATOR_CLASSES = ",".join(  # type: ignore[attr-defined]
        (f"{__name__}.KernelLocator", "InTreeCacheLocator", "UserWideCacheLocator",
         "IPythonCacheLocator", "ZipCacheLocator")
    )  # fmt: skip


def constant(values: Values) -> Values:
    """The values, contiguous and not to be written to.

    For numba that is a type of its own, and an array that Ray has brought from another process is
    of it: what is not so from the start has every kernel compiled once more there.
    """
    if type(values) is np.ndarray and values.flags.c_contiguous and not values.flags.writeable:
        return values
    kept = np.ascontiguousarray(values).view()
    kept.flags.writeable = False
    return cast(Values, kept)


def kernel(function: Function) -> Function:
    """Compile an array function at its first call; the same source always gives the same bits.

    Kernels use strict arithmetic (no reassociation, no contraction), divide as numpy does
    (x/0 is inf or NaN, never an exception) and release the interpreter lock.
    """
    return _compiled(function, counted=True)


def lean_kernel(function: Function) -> Function:
    """A kernel that allocates nothing; the compiler refuses it otherwise.

    Its arrays are not reference-counted. For a function that is handed a desk's hundred small
    arrays, counting takes thirty times as long as the work itself.
    """
    return _compiled(function, counted=False)


def _compiled(function: Function, *, counted: bool) -> Function:
    options: dict[str, Any] = {
        "cache": True,
        "error_model": "numpy",
        "fastmath": False,
        "nogil": True,
        "_nrt": counted,
        # A call would copy the description of every array onto the stack.
        "forceinline": not counted,
    }
    compiler: Callable[[Function], object] = numba.njit(**options)
    return cast(Function, compiler(function))
