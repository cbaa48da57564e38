"""What Review remembers between two starts: the reviewer's name. The window remembers the panes' sizes."""

from __future__ import annotations

from pathlib import Path

from platformdirs import user_config_path
from PyQt6.QtCore import QSettings

_NAME = "review/reviewer"


class Memory:
    """Kept in an INI file.

    Parameters
    ----------
    path : Path, optional
        Default: ``window.ini`` in the user's folder of settings.
    """

    def __init__(self, path: Path | None = None) -> None:
        file = path or user_config_path("megc-live", False) / "window.ini"
        self._store = QSettings(str(file), QSettings.Format.IniFormat)

    @property
    def reviewer(self) -> str:
        """Name of who reviewed last; empty: nobody has."""
        return str(self._store.value(_NAME, ""))

    @reviewer.setter
    def reviewer(self, name: str) -> None:
        self._store.setValue(_NAME, name)
        self._store.sync()
