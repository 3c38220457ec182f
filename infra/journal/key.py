"""The key that seals a journal: from a file that only its owner can read, or the environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from market.errors import ConfigError

KEY_VARIABLE = "QUORUM_JOURNAL_KEY"
LEAST_BYTES = 32
EXPECTED = f"expected at least {2 * LEAST_BYTES} hexadecimal digits; make one: openssl rand -hex 32"


def journal_key(file: Path | None, environment: Mapping[str, str]) -> bytes | None:
    """The key; None where neither gives one.

    Raises ConfigError for a key that is too short, that others may read, or that is given twice.
    """
    given = environment.get(KEY_VARIABLE)
    if file is None:
        return None if given is None else _parsed(given, f"the variable {KEY_VARIABLE}")
    if given is not None:
        raise ConfigError(
            f"the journal's key is given twice: by the file {file} and by {KEY_VARIABLE}; keep one"
        )
    try:
        state = file.stat()
        text = file.read_text("ascii")
    except OSError as error:
        raise ConfigError(
            f"the journal's key {file} cannot be read: {error.strerror}; {EXPECTED} > {file}"
        ) from None
    except UnicodeDecodeError:
        raise ConfigError(f"the journal's key {file} is no text; {EXPECTED}") from None
    if state.st_mode & 0o077 or state.st_uid != os.geteuid():
        raise ConfigError(
            f"{file} must belong to the desk's user and be readable by nobody else; "
            f"run: chmod 600 {file}"
        )
    return _parsed(text, str(file))


def _parsed(text: str, source: str) -> bytes:
    try:
        key = bytes.fromhex(text.strip())
    except ValueError:
        key = b""
    if len(key) < LEAST_BYTES:
        raise ConfigError(f"{source} holds no key of a journal; {EXPECTED}")
    return key
