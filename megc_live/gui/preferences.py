"""What the window remembers, and the folders it remembers it in."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from platformdirs import user_cache_path, user_config_path, user_state_path
from PyQt6.QtCore import QByteArray, QSettings

from megc_live.gui.theme import MODES, Mode
from megc_live.output.files import write_whole
from megc_live.settings import Settings

APP = "megc-live"
RESULTS_FOLDER = "megc-live"


@dataclass(frozen=True)
class Places:
    """Where the window keeps its files.

    Attributes
    ----------
    config : Path
        Settings of the analysis and of the window.
    state : Path
        Recent sources.
    cache : Path
        The demo clip: can be made again.
    home : Path
        Where the results folder is until another one is chosen.
    """

    config: Path
    state: Path
    cache: Path
    home: Path

    @classmethod
    def of_this_user(cls) -> Places:
        """Return the folders that the operating system has for such files."""
        return cls(
            user_config_path(APP, False),
            user_state_path(APP, False),
            user_cache_path(APP, False),
            Path.home(),
        )

    @property
    def settings_file(self) -> Path:
        """The settings of the analysis, as TOML: also good for ``--settings``."""
        return self.config / "settings.toml"


class Preferences:
    """The window's own settings, in an INI file.

    Parameters
    ----------
    places : Places
        The file is ``window.ini`` in its config folder.
    """

    def __init__(self, places: Places) -> None:
        self._home = places.home
        self._store = QSettings(str(places.config / "window.ini"), QSettings.Format.IniFormat)

    @property
    def theme(self) -> Mode:
        """``"system"``, ``"light"`` or ``"dark"``."""
        found = self._store.value("theme", "system")
        return cast(Mode, found) if found in MODES else "system"

    @theme.setter
    def theme(self, mode: Mode) -> None:
        self._store.setValue("theme", mode)

    @property
    def results(self) -> Path:
        """The folder below which each session and file gets a folder of its own."""
        found = self._store.value("results", "")
        return Path(str(found)) if found else self._home / RESULTS_FOLDER

    @results.setter
    def results(self, folder: Path) -> None:
        self._store.setValue("results", str(folder))

    @property
    def purpose(self) -> str:
        """What sessions are recorded for, as last written in the consent form."""
        return str(self._store.value("purpose", ""))

    @purpose.setter
    def purpose(self, text: str) -> None:
        self._store.setValue("purpose", text)

    def state(self, name: str) -> QByteArray | None:
        """Return the layout that was kept under a name: of the window, of a splitter."""
        found = self._store.value(f"layout/{name}")
        return found if isinstance(found, QByteArray) else None

    def keep_state(self, name: str, state: QByteArray) -> None:
        """Keep a layout."""
        self._store.setValue(f"layout/{name}", state)

    def save(self) -> None:
        """Write the file now."""
        self._store.sync()


def load_settings(places: Places) -> Settings:
    """Return the settings of the analysis that were saved, else the defaults.

    Raises
    ------
    SettingsError
        The file is there but cannot be read or holds something else.
    """
    return Settings.from_toml(places.settings_file) if places.settings_file.exists() else Settings()


def save_settings(places: Places, settings: Settings) -> None:
    """Save the settings of the analysis; raises :class:`~megc_live.errors.OutputError`."""
    write_whole(places.settings_file, as_toml(settings))


def as_toml(settings: Settings) -> str:
    """Return settings as TOML; those that are empty (None) are left out, as TOML has no such value.

    Examples
    --------
    >>> print(as_toml(Settings()).splitlines()[2])
    ring_seconds = 5.0
    """
    lines = ["# Settings of megc-live; `megc-live info --settings` explains them."]
    for part, values in settings.model_dump(mode="json").items():
        lines.append(f"[{part}]")
        lines += [f"{name} = {_toml(value)}" for name, value in values.items() if value is not None]
    return "\n".join(lines) + "\n"


def _toml(value: Any) -> str:
    # A JSON string is a TOML string but for DEL, which TOML wants escaped.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
