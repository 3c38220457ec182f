"""Reading the configuration: file, environment, flags, in rising order."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
    TomlConfigSettingsSource,
)

from coordinator.configuration.settings import Settings
from infra.brokers.oanda.credentials import TOKEN_VARIABLE
from infra.journal.key import KEY_VARIABLE
from market.errors import ConfigError, nearest

PREFIX = "QUORUM_"
DELIMITER = "__"
HOME = f"{PREFIX}HOME"
"""Not a setting: the folder of the desk that a command is for."""
NO_SETTINGS = (HOME, KEY_VARIABLE, TOKEN_VARIABLE)
FILE = Path("quorum.toml")


def load_settings(
    path: Path | None = None,
    flags: Mapping[str, Mapping[str, Any]] | None = None,
    defaults: Mapping[str, Mapping[str, Any]] | None = None,
) -> Settings:
    """The effective settings.

    path: a TOML file; None takes `quorum.toml` of the working folder where there is one.
    flags: by section and key; None values are left out. defaults: the same, of a command that has
    others than the configuration; whatever is configured goes before them. Raises ConfigError that
    names the key, what was expected and what was found.
    """
    chosen = path or (FILE if FILE.is_file() else None)
    if chosen is not None and not chosen.is_file():
        raise ConfigError(
            f"no configuration file at {chosen}; write one with `quorum config show > quorum.toml`"
        )
    _refuse_stray_variables()
    given = {
        section: {key: value for key, value in values.items() if value is not None}
        for section, values in (flags or {}).items()
    }
    try:
        loaded = _layers(chosen, defaults or {})(
            **{section: values for section, values in given.items() if values}
        )
        return Settings.model_validate(loaded.model_dump())
    except ValidationError as error:
        raise ConfigError(explained(error)) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{chosen} is not TOML: {error}") from None
    except SettingsError as error:
        raise ConfigError(
            f"environment: {error}. A list or a table is written as JSON there, such as "
            f"{PREFIX}COMMITTEE{DELIMITER}AGENTS='[\"momentum\"]'."
        ) from None
    except OSError as error:
        raise ConfigError(f"{chosen} cannot be read: {error}") from None


def desk_folders(settings: Settings) -> tuple[Path, ...]:
    """Where a live desk may lie that nobody named: as configured, and as the environment says."""
    named = os.environ.get(HOME)
    return (settings.live.home, *(() if not named else (Path(named),)))


def _layers(toml: Path | None, defaults: Mapping[str, Mapping[str, Any]]) -> Any:
    """A settings class that reads flags first, then the environment, the file, the defaults."""

    class Layers(Settings, BaseSettings):
        model_config = SettingsConfigDict(
            env_prefix=PREFIX, env_nested_delimiter=DELIMITER, extra="forbid", frozen=True
        )

        @classmethod
        def settings_customise_sources(
            cls,
            settings_cls: type[BaseSettings],
            init_settings: PydanticBaseSettingsSource,
            env_settings: PydanticBaseSettingsSource,
            dotenv_settings: PydanticBaseSettingsSource,
            file_secret_settings: PydanticBaseSettingsSource,
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            del dotenv_settings, file_secret_settings
            file = TomlConfigSettingsSource(settings_cls, toml_file=toml)
            last = InitSettingsSource(settings_cls, {name: dict(v) for name, v in defaults.items()})
            return init_settings, env_settings, file, last

    return Layers


def _refuse_stray_variables() -> None:
    """A misspelt section in the environment is an error, as a misspelt key is."""
    sections = [f"{PREFIX}{name.upper()}" for name in Settings.model_fields]
    for name in os.environ:
        section = name.upper().split(DELIMITER)[0]
        if name.upper().startswith(PREFIX) and section not in sections and name not in NO_SETTINGS:
            raise ConfigError(
                f"environment variable {name}: unknown section{nearest(section, sections)} "
                f"Expected {PREFIX}SECTION{DELIMITER}KEY with a section of "
                f"{', '.join(Settings.model_fields)}."
            )


def explained(error: ValidationError) -> str:
    """One line a wrong key or value: where, what is expected, what was found."""
    lines = []
    for problem in error.errors():
        where = ".".join(str(part) for part in problem["loc"])
        if problem["type"] == "extra_forbidden":
            known = known_keys(problem["loc"][:-1])
            hint = nearest(str(problem["loc"][-1]), known)
            lines.append(f"unknown key {where}{hint} Known here: {', '.join(known)}.")
        else:
            lines.append(
                f"{where}: {problem['msg']}, found {problem['input']!r}{as_fraction(problem)}"
            )
    return "configuration: " + "; ".join(lines)


def as_fraction(problem: Mapping[str, Any]) -> str:
    """How a percentage is written, where one stands in the place of a fraction."""
    value, most = problem["input"], problem.get("ctx", {})
    bound = most.get("le", most.get("lt"))
    if not isinstance(bound, int | float) or bound > 1.0:
        return ""
    if not isinstance(value, int | float) or not 1.0 <= value <= 100.0:
        return ""
    return f" ({value:g} percent is written {value / 100.0:g})"


def known_keys(section: tuple[int | str, ...]) -> list[str]:
    """The keys of a section, found by walking the settings from the top."""
    model: type[BaseModel] = Settings
    for part in section:
        field = model.model_fields.get(str(part))
        kind = field.annotation if field is not None else None
        candidates = [kind, *get_args(kind)]
        models = [c for c in candidates if isinstance(c, type) and issubclass(c, BaseModel)]
        if not models:
            continue  # the name of an entry in a table of tables, such as an instrument's
        model = models[0]
    return list(model.model_fields)
