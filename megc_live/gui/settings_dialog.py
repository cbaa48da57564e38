"""The settings of the analysis, made from the settings model: what is new there appears here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from PyQt6.QtCore import Qt, pyqtSignal
from PyQt6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QGridLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QTabWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from megc_live.errors import SettingsError
from megc_live.gui import icons
from megc_live.gui.settings_fields import Control, limits_of, make_control, words_of
from megc_live.gui.start_parts import label
from megc_live.gui.wheel import WheelGuard
from megc_live.recognition.classifier import RECOGNIZERS
from megc_live.settings import Settings
from megc_live.spotting.base import SPOTTERS


@dataclass(frozen=True)
class Entry:
    """One setting: its part, its name, its field, its control and the button that resets it."""

    part: str
    name: str
    field: FieldInfo
    control: Control
    reset: QToolButton


def known_names(dotted: str) -> tuple[str, ...]:
    """Return the names that a setting can have, where a registry knows them; ``()`` elsewhere."""
    if dotted == "spotting.spotter":
        return tuple(SPOTTERS)
    if dotted == "recognition.recognizer":
        return (*RECOGNIZERS, "none")
    if dotted == "models.provider":
        import onnxruntime

        return tuple(onnxruntime.get_available_providers())
    return ()


class SettingsDialog(QDialog):
    """A page for each part of the settings. They hold for sessions and files that begin after saving.

    Parameters
    ----------
    settings : Settings
        Those that hold now.
    parent : QWidget, optional
        The window above which it is shown.
    """

    saved = pyqtSignal(object)
    """The new :class:`~megc_live.settings.Settings`, checked."""

    def __init__(self, settings: Settings, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Settings of the analysis")
        self.resize(680, 480)
        self.entries: list[Entry] = []
        self.tabs = QTabWidget()
        for part, field in Settings.model_fields.items():
            assert isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)
            self.tabs.addTab(self._page(part, field.annotation), part.capitalize())
        self.problem = label("", "bad")
        self.problem.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._make_buttons()
        layout = QVBoxLayout(self)
        layout.addWidget(
            label("They hold for sessions and files that begin from now on; stored with the results.", "soft")
        )
        layout.addWidget(self.tabs, 1)
        layout.addWidget(self.problem)
        layout.addWidget(self.buttons)
        WheelGuard(self)  # the pages are scrolled over their fields
        self.show_settings(settings)

    def show_settings(self, settings: Settings) -> None:
        """Show these values."""
        values = settings.model_dump(mode="json")
        for entry in self.entries:
            entry.control.set_value(values[entry.part][entry.name])
        self._check()

    def entered(self) -> Settings:
        """Return what is entered; raises :class:`~megc_live.errors.SettingsError` if it is not possible."""
        values: dict[str, dict[str, Any]] = {}
        for entry in self.entries:
            values.setdefault(entry.part, {})[entry.name] = entry.control.value()
        settings = Settings.from_dict(values)
        for dotted in ("spotting.spotter", "recognition.recognizer"):
            part, name = dotted.split(".")
            given, known = values[part][name], known_names(dotted)
            if given not in known:
                raise SettingsError(
                    f"setting {dotted!r}: there is no {given!r}.", f"Choose one of: {', '.join(known)}."
                )
        return settings

    def control(self, dotted: str) -> Control:
        """Return the control of a setting, by its name such as ``"video.ring_seconds"``."""
        return next(entry.control for entry in self.entries if f"{entry.part}.{entry.name}" == dotted)

    def save(self) -> None:
        """Hand the settings out and close, if they are possible; say why not otherwise."""
        try:
            settings = self.entered()
        except SettingsError as error:
            self.problem.setText(str(error))
            return
        self.saved.emit(settings)
        self.accept()

    def _page(self, part: str, model: type[BaseModel]) -> QWidget:
        page = QWidget()
        grid = QGridLayout(page)
        grid.setColumnStretch(1, 1)
        grid.setColumnMinimumWidth(1, 220)
        for number, (name, field) in enumerate(model.model_fields.items()):
            self._add(grid, 2 * number, part, name, field)
        grid.setRowStretch(grid.rowCount(), 1)
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setWidget(page)
        return area

    def _add(self, grid: QGridLayout, line: int, part: str, name: str, field: FieldInfo) -> None:
        dotted = f"{part}.{name}"
        control = make_control(field, known_names(dotted), self._check)
        description, name_shown = field.description or "", field.title or name.replace("_", " ")
        _, _, limits = limits_of(field)
        default = "not set" if field.default is None else words_of(field.default, field)
        facts = f"default: {default}{f'; {limits}' if limits else ''}"
        stored = f"{dotted} = {field.default}" if field.default is not None else dotted
        control.widget.setToolTip(f"{description}\n{facts}\nIn files of settings: {stored}")
        control.widget.setAccessibleName(name_shown)
        reset = QToolButton()
        reset.setIcon(icons.icon("undo"))
        reset.setToolTip(f"Back to the default: {default}")
        reset.setAccessibleName(f"Reset {name_shown}")
        reset.clicked.connect(lambda: self._reset(entry))
        entry = Entry(part, name, field, control, reset)
        title = QLabel(name_shown)
        title.setBuddy(control.widget)
        grid.addWidget(title, line, 0)
        grid.addWidget(control.widget, line, 1)
        grid.addWidget(reset, line, 2)
        said = description.removesuffix(", bytes")
        grid.addWidget(label(f"{said} ({facts})", "soft"), line + 1, 0, 1, 3)
        self.entries.append(entry)

    def _make_buttons(self) -> None:
        standard = QDialogButtonBox.StandardButton
        self.buttons = QDialogButtonBox(standard.Cancel)
        self.save_button = QPushButton("&Save")
        self.save_button.setProperty("primary", "true")
        self.save_button.setToolTip("Use these settings from now on and keep them (Enter)")
        self.buttons.addButton(self.save_button, QDialogButtonBox.ButtonRole.ApplyRole)
        self.reset_button = QPushButton("&Reset all")
        self.reset_button.setToolTip("Show the defaults of all settings; nothing is kept before you save")
        self.buttons.addButton(self.reset_button, QDialogButtonBox.ButtonRole.ResetRole)
        self.save_button.setDefault(True)
        self.save_button.clicked.connect(self.save)
        self.reset_button.clicked.connect(lambda: self.show_settings(Settings()))
        self.buttons.rejected.connect(self.reject)

    def _reset(self, entry: Entry) -> None:
        entry.control.set_value(_default(entry))
        self._check()

    def _check(self) -> None:
        """Say at once what is not possible, and what differs from the defaults."""
        for entry in self.entries:
            entry.reset.setEnabled(entry.control.value() != _default(entry))
        try:
            self.entered()
        except SettingsError as error:
            self.problem.setText(str(error))
            self.save_button.setEnabled(False)
        else:
            self.problem.setText("")
            self.save_button.setEnabled(True)


def _default(entry: Entry) -> Any:
    default = entry.field.default
    return default if default is None or isinstance(default, (bool, int, float)) else str(default)
