"""The token is read where it is used, and shown nowhere."""

from __future__ import annotations

import os
import pickle
import traceback
from pathlib import Path

import pytest

from infra.brokers.oanda.credentials import (
    TOKEN_VARIABLE,
    TokenFile,
    TokenText,
    redacted,
    token_source,
)
from market.errors import ConfigError
from tests.oanda import TOKEN


def written(path: Path, text: str | bytes, mode: int = 0o600) -> Path:
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    path.chmod(mode)
    return path


def test_a_new_token_in_the_file_is_used_without_a_restart(tmp_path: Path) -> None:
    source = TokenFile(written(tmp_path / "token", "first\n"))
    assert source.token() == source.token() == "first"
    written(tmp_path / "token", "the-second\n")
    assert source.token() == "the-second"
    written(tmp_path / "new", "third")
    (tmp_path / "new").rename(tmp_path / "token")
    assert source.token() == "third"


def test_a_refused_token_is_read_again_even_if_the_file_looks_the_same(tmp_path: Path) -> None:
    path = written(tmp_path / "token", "first")
    source = TokenFile(path)
    source.token()
    source.stale()
    assert source.token() == "first"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644])
def test_a_file_that_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    with pytest.raises(ConfigError, match="chmod 600"):
        TokenFile(written(tmp_path / "token", TOKEN, mode)).token()


def test_what_is_no_regular_file_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe", 0o600)
    (tmp_path / "folder").mkdir()
    for name in ("pipe", "folder"):
        with pytest.raises(ConfigError, match="no regular file"):
            TokenFile(tmp_path / name).token()
    with pytest.raises(ConfigError, match="No such file"):
        TokenFile(tmp_path / "nothing").token()


@pytest.mark.parametrize(
    "text",
    ["", " \n", f"{TOKEN}\n{TOKEN}", f"{TOKEN} x", b"\xff" + TOKEN.encode(), f"{TOKEN}\x01"],
    ids=["empty", "blank", "two lines", "two words", "no text", "control"],
)
def test_what_is_no_token_is_refused_and_not_shown(tmp_path: Path, text: str | bytes) -> None:
    with pytest.raises(ConfigError) as caught:
        TokenFile(written(tmp_path / "token", text)).token()
    told = "".join(traceback.format_exception(caught.value)) + repr(caught.value.__context__)
    assert TOKEN not in told


def test_a_token_is_in_no_representation_and_no_pickle(tmp_path: Path) -> None:
    held, file = TokenText(TOKEN), TokenFile(written(tmp_path / "token", TOKEN))
    assert held.token() == file.token() == TOKEN
    assert TOKEN not in repr(held) + str(held) + repr(file) + str(file) + f"{held}{file}"
    assert TOKEN.encode() not in pickle.dumps(file)
    assert pickle.loads(pickle.dumps(file)).token() == TOKEN
    with pytest.raises(TypeError):
        pickle.dumps(held)


def test_a_token_comes_from_one_place(tmp_path: Path) -> None:
    path = written(tmp_path / "token", TOKEN)
    assert token_source(path, {}).token() == TOKEN
    assert token_source(None, {TOKEN_VARIABLE: f"{TOKEN}\n"}).token() == TOKEN
    with pytest.raises(ConfigError, match="twice"):
        token_source(path, {TOKEN_VARIABLE: TOKEN})
    with pytest.raises(ConfigError, match="no token"):
        token_source(None, {})
    with pytest.raises(ConfigError) as caught:
        token_source(None, {TOKEN_VARIABLE: f"{TOKEN} {TOKEN}"})
    assert TOKEN not in str(caught.value)


def test_a_text_is_shown_without_the_token() -> None:
    assert redacted("a b/c d b%2Fc", "b/c") == "a *** d ***"
    assert redacted("a", "") == "a"
