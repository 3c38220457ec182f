"""Where OANDA is reached: its practice and live hosts, or a v20 server of one's own."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from oandapyV20.oandapyV20 import TRADING_ENVIRONMENTS

from market.errors import ConfigError, nearest

Name = Literal["practice", "live", "local"]
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_ACCOUNT = re.compile(r"\d{3}-\d{3}-\d{1,12}-\d{3}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """api: the base URL of requests; stream: that of streams; both without a slash at the end."""

    name: Name
    api: str
    stream: str

    @property
    def registered(self) -> str:
        """The name under which oandapyV20 knows it; it is made known by asking."""
        name = f"quorum {self.name} {self.api}"
        TRADING_ENVIRONMENTS[name] = {"api": self.api, "stream": self.stream}
        return name


PRACTICE = Environment(
    name="practice",
    api="https://api-fxpractice.oanda.com",
    stream="https://stream-fxpractice.oanda.com",
)
LIVE = Environment(
    name="live",
    api="https://api-fxtrade.oanda.com",
    stream="https://stream-fxtrade.oanda.com",
)


def environment(name: str, url: str = "") -> Environment:
    """The environment of that name. url: of the v20 server, for `local` and for it alone.

    Raises ConfigError for another name, a URL where none belongs, none where one does, and one
    that would send the token unencrypted over a network.
    """
    if name in ("practice", "live"):
        if url:
            raise ConfigError(
                f"environment {name!r} has OANDA's own addresses, found the URL {url!r}; leave it "
                "out, or choose environment = 'local'"
            )
        return PRACTICE if name == "practice" else LIVE
    if name != "local":
        hint = nearest(name, ("practice", "live", "local"))
        raise ConfigError(f"unknown environment {name!r}{hint} Expected practice, live or local")
    base = _base(url)
    return Environment(name="local", api=base, stream=base)


def account_named(account: str) -> str:
    """An account's id, as it stands in paths. Raises ConfigError for what cannot be one."""
    if not _ACCOUNT.fullmatch(account):
        raise ConfigError(
            f"expected an account id such as 001-001-1234567-001, found {account!r}; OANDA shows "
            "it as 'v20 account number'"
        )
    return account


def _base(url: str) -> str:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if host is None or parts.scheme not in ("http", "https") or parts.path.strip("/"):
        raise ConfigError(
            f"environment 'local' needs the URL of a v20 server such as http://127.0.0.1:8120, "
            f"found {url!r}"
        )
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ConfigError(
            "the URL of a v20 server holds a scheme, a host and a port; tokens belong elsewhere"
        )
    if parts.scheme == "http" and host not in _LOOPBACK:
        raise ConfigError(
            f"http://{host} would send the token unencrypted; use https, or a server on 127.0.0.1"
        )
    at = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{at}" + (f":{port}" if port is not None else "")
