"""The token of an account: read where it is used, never shown."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn, Protocol
from urllib.parse import quote

from market.errors import ConfigError

TOKEN_VARIABLE = "QUORUM_OANDA_TOKEN"
MOST_BYTES = 4096
HIDDEN = "***"
_MADE = "make one at OANDA under 'Manage API Access'"


class TokenSource(Protocol):
    """Where the token comes from."""

    def token(self) -> str:
        """The token as it is now. Raises ConfigError."""
        ...

    def stale(self) -> None:
        """The broker refused it: read it anew the next time."""
        ...


class TokenFile:
    """A token in a file that only its owner can read; a new one there is used from the next
    request on.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._read: tuple[tuple[int, ...], str] | None = None

    def token(self) -> str:
        """The first line. Raises ConfigError, which never holds any of it."""
        found = self._found()
        if isinstance(found, str):
            return found
        raise found

    def stale(self) -> None:
        self._read = None

    def __repr__(self) -> str:
        return f"TokenFile({str(self.path)!r})"

    def __reduce__(self) -> tuple[type[TokenFile], tuple[Path]]:
        return TokenFile, (self.path,)

    def _found(self) -> str | ConfigError:
        try:
            # Without blocking, or a pipe under this name would hold the desk up.
            opened = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
            try:
                return self._checked(opened)
            finally:
                os.close(opened)
        except OSError as error:
            return ConfigError(f"the token's file {self.path} cannot be read: {error.strerror}")

    def _checked(self, opened: int) -> str | ConfigError:
        state = os.fstat(opened)
        if not stat.S_ISREG(state.st_mode):
            return ConfigError(f"the token's file {self.path} is no regular file")
        if state.st_mode & 0o077 or state.st_uid != os.geteuid():
            return ConfigError(
                f"{self.path} must belong to the desk's user and be readable by nobody else; "
                f"run: chmod 600 {self.path}"
            )
        version = (state.st_ino, state.st_size, state.st_mtime_ns, state.st_ctime_ns)
        if self._read is not None and self._read[0] == version:
            return self._read[1]
        token = _plain(os.read(opened, MOST_BYTES))
        if token is None:
            return ConfigError(
                f"{self.path} holds no token: expected one line of letters, digits and dashes; "
                f"{_MADE}"
            )
        self._read = (version, token)
        return token


class TokenText:
    """A token that was given, as by the environment. It cannot be pickled."""

    __slots__ = ("_token",)

    def __init__(self, token: str, source: str = "the token") -> None:
        plain = _plain(token.encode("utf-8", "replace"))
        if plain is None:
            raise ConfigError(f"{source} is no token: expected letters, digits and dashes; {_MADE}")
        self._token = plain

    def token(self) -> str:
        return self._token

    def stale(self) -> None:
        """Nothing else is to be had from here."""

    def __repr__(self) -> str:
        return f"TokenText({HIDDEN})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a token does not leave its process; hand over a TokenFile instead")


def token_source(file: Path | None, variables: Mapping[str, str]) -> TokenFile | TokenText:
    """The account's token, from a file or from the environment variable QUORUM_OANDA_TOKEN.

    Raises ConfigError where neither or both give one, and for one that cannot be.
    """
    given = variables.get(TOKEN_VARIABLE)
    if file is not None and given is not None:
        raise ConfigError(
            f"OANDA's token is given twice: by the file {file} and by {TOKEN_VARIABLE}; keep one"
        )
    if file is not None:
        source = TokenFile(file)
        source.token()
        return source
    if given is None:
        raise ConfigError(
            f"no token for OANDA: name a file that only its owner can read, or set "
            f"{TOKEN_VARIABLE}; {_MADE}"
        )
    return TokenText(given, f"the variable {TOKEN_VARIABLE}")


def redacted(text: str, token: str) -> str:
    """The text with every appearance of the token replaced."""
    if not token:
        return text
    return text.replace(token, HIDDEN).replace(quote(token, safe=""), HIDDEN)


def _plain(found: bytes) -> str | None:
    """One word of visible ASCII: anything else could forge a header."""
    word = found.strip()
    if not word or any(byte <= 0x20 or byte >= 0x7F for byte in word):
        return None
    return word.decode("ascii")
