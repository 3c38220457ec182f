"""Which account at OANDA the settings mean, and the token for it."""

from __future__ import annotations

from collections.abc import MutableMapping
from dataclasses import dataclass
from pathlib import Path

from coordinator.configuration.settings import OandaSettings, Settings
from infra.brokers.oanda.connection import OandaConnection
from infra.brokers.oanda.credentials import (
    TOKEN_VARIABLE,
    TokenFile,
    TokenSource,
    TokenText,
    token_source,
)
from infra.brokers.oanda.environment import Environment, account_named, environment
from infra.live.resuming import oanda_on_record
from market.errors import ConfigError

LOCAL, LIVE = "local", "live"
LOCAL_ACCOUNT = "001-001-0000001-001"
LOCAL_TOKEN = Path("v20-server/token")
"""Where `quorum v20-server` writes it."""
CONNECT_S = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class OandaAccess:
    """An account at OANDA without its token, so that it may travel. timeout_s: for an answer."""

    environment: str
    url: str
    account: str
    timeout_s: float

    @property
    def said(self) -> str:
        """For the record."""
        return oanda_on_record(self.environment, self.account)

    @property
    def at(self) -> Environment:
        """Where it is reached. Raises ConfigError."""
        return environment(self.environment, self.url)

    def connect(self, tokens: TokenSource) -> OandaConnection:
        """Raises ConfigError; nothing is asked yet."""
        return OandaConnection(
            environment=self.at,
            account=self.account,
            tokens=tokens,
            timeout=(min(CONNECT_S, self.timeout_s), self.timeout_s),
        )


def access_of(settings: Settings) -> OandaAccess:
    """The account that is meant. Raises ConfigError where none is named, or none can be."""
    oanda = settings.oanda
    local = oanda.environment == LOCAL
    account = oanda.account or (LOCAL_ACCOUNT if local else None)
    if account is None:
        raise ConfigError(
            "no account at OANDA: name it with --account or as oanda.account; OANDA shows it as "
            "'v20 account number', such as 101-004-1234567-001"
        )
    access = OandaAccess(
        environment=oanda.environment,
        url=oanda.url if local else "",
        account=account_named(account),
        timeout_s=oanda.timeout_s,
    )
    _ = access.at
    return access


def tokens_of(oanda: OandaSettings, variables: MutableMapping[str, str]) -> TokenSource:
    """The account's token; a local server's own file where none is named.

    It is taken out of the variables, so that no process inherits it. Raises ConfigError.
    """
    given = variables.pop(TOKEN_VARIABLE, None)
    file = oanda.token_file
    if file is None and oanda.environment == LOCAL and LOCAL_TOKEN.exists():
        # Not the variable's: that one may open a real account.
        file, given = LOCAL_TOKEN, None
    if file is None and given is None and oanda.environment == LOCAL:
        raise ConfigError(
            f"no token for the local server: {LOCAL_TOKEN} is not here. Start `quorum v20-server` "
            "in this folder, or name its token's file with --token-file"
        )
    return token_source(
        None if file is None else file.resolve(), {} if given is None else {TOKEN_VARIABLE: given}
    )


def token_file_of(tokens: TokenSource, handed_over: Path) -> Path:
    """Where the gateway reads the token. handed_over: where one of the environment is left."""
    if isinstance(tokens, TokenFile):
        return tokens.path
    if isinstance(tokens, TokenText):
        return handed_over.resolve()
    raise TypeError(f"expected a file or a token, found {type(tokens).__name__}")
