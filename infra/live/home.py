"""`DeskHome`: the folder of a live desk: journal, keys, addresses."""

from __future__ import annotations

import hashlib
import os
import secrets
import shlex
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from infra.journal.lock import Locked, is_locked, lock
from market.errors import ConfigError, RunFolderError

KEY_BYTES = 32
LONGEST_SOCKET_PATH = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskHome:
    """Where a live desk keeps what outlives its processes.

    folder: journal.sqlite, exchange.sqlite (of the paper exchange), the line's key, a broker's
    token while a desk that was given one by the environment is at work.
    """

    folder: Path

    @property
    def journal(self) -> Path:
        """The desk's journal."""
        return self.folder / "journal.sqlite"

    @property
    def anchors(self) -> Path:
        """Where the journal is anchored where nothing else is said."""
        return self.folder / "anchors.jsonl"

    @property
    def asked_before(self) -> Path:
        """A halt that was asked for before the journal was begun."""
        return self.folder / "asked.json"

    @property
    def exchange_store(self) -> Path:
        """The paper exchange's own store; a real broker has none here."""
        return self.folder / "exchange.sqlite"

    @property
    def broker_token(self) -> Path:
        """Where the gateway is handed the token of its account."""
        return self.folder / "broker.token"

    @property
    def logs(self) -> Path:
        """The folder of the logs of its processes."""
        return self.folder / "logs"

    @property
    def gateway_address(self) -> str:
        """Where the coordinator and people reach the gateway."""
        return self._socket("gateway")

    @property
    def coordinator_address(self) -> str:
        """Where agents, guardian and optimizer call in, on one node."""
        return self._socket("desk")

    @property
    def exchange_address(self) -> str:
        """Where the gateway reaches the paper exchange."""
        return self._socket("exchange")

    def line_key(self) -> bytes:
        """What callers prove. Raises ConfigError where it is missing or others may read it."""
        path = self.folder / "line.key"
        try:
            mode = path.stat().st_mode & 0o077
            key = path.read_bytes()
        except OSError as error:
            raise ConfigError(
                f"no desk at {self.folder}: {error.strerror}. Name its folder with --home, or "
                "start one with `quorum trade`."
            ) from None
        if mode or len(key) != KEY_BYTES:
            raise ConfigError(
                f"{path} must hold {KEY_BYTES} bytes that only its owner can read; "
                f"run: chmod 600 {path}"
            )
        return key

    def keep_token(self, token: str) -> Path:
        """Leave a broker's token for the gateway, for the owner's eyes alone; its path.

        Raises RunFolderError.
        """
        beside = self.broker_token.with_suffix(".new")
        try:
            beside.unlink(missing_ok=True)
            descriptor = os.open(beside, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
            with os.fdopen(descriptor, "w", encoding="ascii") as file:
                file.write(token)
            beside.replace(self.broker_token)
        except OSError as error:
            raise RunFolderError(
                f"the token cannot be kept in {self.folder}: {error.strerror}; choose another "
                "--home, or name a token's file"
            ) from None
        return self.broker_token

    def forget_token(self) -> None:
        """Nobody needs it any more."""
        for file in (self.broker_token, self.broker_token.with_suffix(".new")):
            file.unlink(missing_ok=True)

    @property
    def at_work(self) -> bool:
        """Whether a desk writes its journal here now, or may."""
        return is_locked(self.journal)

    @contextmanager
    def starting(self) -> Iterator[None]:
        """For who starts a desk and watches it: nobody else does here meanwhile.

        Raises ConfigError where somebody does, or a desk is at work here; RunFolderError,
        JournalUnwritable.
        """
        self.make()
        try:
            descriptor = lock(self.folder / "start")
        except Locked:
            if self.at_work:
                raise self.taken() from None
            raise ConfigError(
                f"another `quorum trade` is starting or ending a desk in {self.folder}; try again "
                "in some seconds"
            ) from None
        try:
            if self.at_work:
                raise self.taken()
            yield
        finally:
            os.close(descriptor)

    def taken(self) -> ConfigError:
        """That a second desk would be in the way of the first."""
        where = shlex.quote(str(self.folder))
        return ConfigError(
            f"the desk in {self.folder} is at work, and there can be one. `quorum status --home "
            f"{where}` shows it, `quorum stop --home {where}` ends it"
        )

    def forget_left_token(self) -> None:
        """Remove what a command that was killed has left, unless its desk is still at work."""
        if not self.at_work:
            self.forget_token()

    def make(self) -> None:
        """Make the folder and a key where they are missing. Raises RunFolderError."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            path = self.folder / "line.key"
            if not path.exists():
                descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
                with os.fdopen(descriptor, "wb") as file:
                    file.write(secrets.token_bytes(KEY_BYTES))
            self._socket_folder().mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise RunFolderError(
                f"the desk's folder {self.folder} cannot be written: {error.strerror}; "
                "choose another with --home"
            ) from None
        if self._socket_folder().stat().st_uid != os.getuid():
            raise RunFolderError(
                f"{self._socket_folder()} belongs to somebody else; choose another --home"
            )

    def _socket(self, name: str) -> str:
        return str(self._socket_folder() / name)

    def _socket_folder(self) -> Path:
        """In the home; in the temporary folder where that path is too long for a socket."""
        inside = self.folder.resolve() / "lines"
        if len(str(inside)) + 20 <= LONGEST_SOCKET_PATH:
            return inside
        named = hashlib.sha256(str(self.folder.resolve()).encode()).hexdigest()[:16]
        return Path(tempfile.gettempdir()) / f"quorum-{named}"
