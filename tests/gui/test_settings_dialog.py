"""The dialog follows the model; what is saved is what is read again; what is impossible is said."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as how
from hypothesis import strategies as st
from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QLabel
from pytestqt.qtbot import QtBot

from megc_live.errors import SettingsError
from megc_live.gui.preferences import Places, as_toml, load_settings, save_settings
from megc_live.gui.settings_dialog import SettingsDialog
from megc_live.info import settings_table
from megc_live.settings import (
    FaceSettings,
    ModelSettings,
    RecognitionSettings,
    Settings,
    SpottingSettings,
    VideoSettings,
)
from tests.gui.conftest import turn_wheel

OTHER = Settings(
    video=VideoSettings(ring_seconds=7.25, ring_bytes=6 * 2**30, live_queue_seconds=1.5),
    face=FaceSettings(faces="all", max_faces=2, keyframe_s=0.123, detect_side=800, min_confidence=0.45),
    spotting=SpottingSettings(spotter="ltp-ml", threshold=0.315, min_eye_px=33.5),
    recognition=RecognitionSettings(recognizer="none"),
    models=ModelSettings(directory=Path("my models"), landmarker=Path("a.task")),
)


@pytest.fixture
def dialog(qtbot: QtBot) -> SettingsDialog:
    made = SettingsDialog(Settings())
    qtbot.addWidget(made)
    made.show()
    return made


def test_every_setting_has_a_control_with_its_meaning_default_and_limits(dialog: SettingsDialog) -> None:
    described = {row["name"]: row for row in settings_table()}
    assert {f"{entry.part}.{entry.name}" for entry in dialog.entries} == set(described)
    words = " ".join(label.text() for label in dialog.findChildren(QLabel))
    for name, row in described.items():
        tip = dialog.control(name).widget.toolTip()
        assert row["description"] in tip and name in tip
        assert row["description"].removesuffix(", bytes") in words  # memory is shown in MB
        assert (row["default"] or "not set") in tip


@pytest.mark.parametrize("name", ["face.max_faces", "face.faces"])
def test_the_wheel_scrolls_and_changes_no_field_without_the_focus(
    dialog: SettingsDialog, qtbot: QtBot, name: str
) -> None:
    control = dialog.control(name)
    dialog.tabs.setCurrentIndex(1)
    dialog.activateWindow()
    dialog.buttons.setFocus()
    before = control.value()
    turn_wheel(control.widget)
    assert control.value() == before
    control.widget.setFocus()
    qtbot.waitUntil(control.widget.hasFocus)
    turn_wheel(control.widget)
    assert control.value() != before


@pytest.mark.parametrize("settings", [Settings(), OTHER], ids=["defaults", "others"])
def test_what_is_shown_is_what_is_entered(dialog: SettingsDialog, settings: Settings) -> None:
    dialog.show_settings(settings)
    assert dialog.entered() == settings


def test_memory_is_in_mb_and_no_title_is_a_key(dialog: SettingsDialog) -> None:
    control = dialog.control("video.ring_bytes")
    assert control.widget.text() == "256 MB"  # type: ignore[attr-defined]
    control.set_value(3 * 2**20 + 12345)
    assert control.value() == 3 * 2**20 + 12345
    words = [label.text() for label in dialog.findChildren(QLabel)]
    assert any("256 MB" in text and "≥ 1 MB" in text for text in words)
    assert not any("bytes" in text or "ring" in text.lower().split() for text in words)
    for entry in dialog.entries:
        assert entry.field.title and entry.field.title in words


def test_saving_hands_out_what_was_entered(dialog: SettingsDialog, qtbot: QtBot) -> None:
    dialog.control("video.ring_seconds").set_value(9.0)
    with qtbot.waitSignal(dialog.saved) as saved:
        qtbot.mouseClick(dialog.save_button, Qt.MouseButton.LeftButton)
    assert saved.args is not None and saved.args[0].video.ring_seconds == 9.0
    assert not dialog.isVisible()


def test_what_is_impossible_is_said_and_not_saved(dialog: SettingsDialog, qtbot: QtBot) -> None:
    spin = dialog.control("video.ring_seconds").widget
    spin.setFocus()
    qtbot.keyClick(spin, Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
    qtbot.keyClicks(spin, "1")  # the limit itself is not allowed: > 1
    qtbot.keyClick(spin, Qt.Key.Key_Tab)
    assert "video.ring_seconds" in dialog.problem.text() and "greater than 1" in dialog.problem.text()
    assert not dialog.save_button.isEnabled()
    with qtbot.assertNotEmitted(dialog.saved):
        dialog.save()
    assert dialog.isVisible()
    dialog.control("video.ring_seconds").set_value(2.0)
    dialog.show_settings(Settings())
    assert dialog.problem.text() == "" and dialog.save_button.isEnabled()


def test_an_unknown_name_says_which_there_are(dialog: SettingsDialog) -> None:
    dialog.control("spotting.spotter").set_value("guess")
    with pytest.raises(SettingsError, match="ltp-net"):
        dialog.entered()


def test_one_setting_and_all_can_be_reset(dialog: SettingsDialog, qtbot: QtBot) -> None:
    dialog.show_settings(OTHER)
    (spotter,) = (e for e in dialog.entries if e.name == "spotter")
    qtbot.mouseClick(spotter.reset, Qt.MouseButton.LeftButton)
    assert dialog.entered().spotting.spotter == Settings().spotting.spotter
    assert not spotter.reset.isEnabled()
    assert dialog.entered().video == OTHER.video
    qtbot.mouseClick(dialog.reset_button, Qt.MouseButton.LeftButton)
    assert dialog.entered() == Settings()


def test_settings_come_back_from_their_file(places: Places) -> None:
    assert load_settings(places) == Settings()
    save_settings(places, OTHER)
    assert load_settings(places) == OTHER
    places.settings_file.write_text("[face]\nfaces = 'three'\n", encoding="utf-8")
    with pytest.raises(SettingsError, match=r"face\.faces"):
        load_settings(places)


@how(deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1))
def test_any_path_survives_the_file(name: str) -> None:
    settings = Settings(models=ModelSettings(directory=Path(name)))
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "settings.toml"
        file.write_text(as_toml(settings), encoding="utf-8", newline="")
        assert Settings.from_toml(file) == settings
