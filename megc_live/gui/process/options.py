"""The options of `megc-live analyze` as a panel, made from the same lists."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from PyQt6.QtCore import QSignalBlocker, Qt, pyqtSignal
from PyQt6.QtGui import QStandardItemModel
from PyQt6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QFileDialog,
    QFormLayout,
    QGroupBox,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from megc_live.batch_items import Options
from megc_live.choices import Choice, Choices, collect_choices
from megc_live.gui.process.boxes import NameBox
from megc_live.one_source import How
from megc_live.results import ALWAYS
from megc_live.settings import Settings

_FACES = (
    ("largest", "The largest face", "The largest face of the picture is analysed."),
    ("all", "All faces", "Every face is analysed by itself: its number is in the column face_id."),
)
_MOST_JOBS = 64
_RATES = (0.1, 1000.0, 25.0)
_NO_THRESHOLD = 0.5
_WIDEST_LIST, _LIST_MARGIN = 700, 30
"""Pixels."""


class OptionsPanel(QWidget):
    """What is chosen for files that begin from now on.

    Parameters
    ----------
    settings : callable
        The program's settings at this moment; what is not on the panel is taken from there.
    results : callable
        The folder of the folders of results that the window remembers, until another one is chosen here.
    """

    changed = pyqtSignal()

    def __init__(
        self, settings: Callable[[], Settings], results: Callable[[], Path], parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._settings = settings
        self._results = results
        self._touched: set[str] = set()
        self._found: Choices | None = None
        self._new: Choices | None = None

        self.out = QLineEdit()
        self.browse = QPushButton("…")
        self.spotter, self.recognizer, self.faces = NameBox(), NameBox(), QComboBox()
        self.own_threshold, self.threshold = QCheckBox("Threshold"), QDoubleSpinBox()
        self.set_rate, self.rate = QCheckBox("Frame rate"), QDoubleSpinBox()
        self.annotate = QCheckBox("Annotated video")
        self.resume = QCheckBox("Skip what is done and unchanged")
        self.jobs, self.cluster = QSpinBox(), QLineEdit()
        self.exports: dict[str, QCheckBox] = {}
        self._exports_box = QVBoxLayout()
        self._lay_out()
        self._explain()
        self._connect()
        self.follow_settings()
        self.refresh()

    # What it says.

    def options(self) -> Options:
        """Return what is chosen."""
        base = self._settings()
        chosen = {
            "spotting": {"spotter": self.spotter.currentData(), "threshold": self._threshold()},
            "recognition": {"recognizer": self.recognizer.currentData()},
            "face": {"faces": self.faces.currentData()},
        }
        settings = base.model_copy(
            update={part: getattr(base, part).model_copy(update=values) for part, values in chosen.items()}
        )
        cluster = self.cluster.text().strip() or None
        how = How(
            exports=tuple(name for name, box in self.exports.items() if box.isChecked() and name != ALWAYS),
            annotate=self.annotate.isChecked(),
            fps=self.rate.value() if self.set_rate.isChecked() else None,
            resume=self.resume.isChecked(),
        )
        out = Path(self.out.text().strip())
        with suppress(RuntimeError):  # "~name" of nobody: a folder of that name
            out = out.expanduser()
        return Options(out, settings, how, self.jobs.value(), cluster)

    def problem(self) -> str:
        """Return why nothing can be begun with what is chosen; empty where all is well."""
        if not self.out.text().strip():
            return "Choose a folder for the results first."
        for box in (self.spotter, self.recognizer):
            if not _is_enabled(box, box.currentIndex()):
                return f"{box.currentData()} cannot be used here: {box.currentData(_WHY)}"
        return ""

    def _threshold(self) -> float | None:
        return self.threshold.value() if self.own_threshold.isChecked() else None

    # What can be chosen: found out in a thread, taken over by :meth:`poll`.

    def refresh(self) -> None:
        """Find out anew what can be chosen: models may have come or gone."""
        settings = self._settings()

        def collect() -> None:
            self._new = collect_choices(settings)

        threading.Thread(target=collect, name="choices", daemon=True).start()

    def poll(self) -> None:
        """Show what the thread has found, if it has."""
        new, self._new = self._new, None
        if new is None or new == self._found:
            return
        self._found = new
        with QSignalBlocker(self):
            _fill(self.spotter, new.spotters)
            _fill(self.recognizer, new.recognizers)
            self._show_exports(new.exports)
        self.cluster.setEnabled(not new.no_cluster)
        self.cluster.setToolTip(new.no_cluster or _CLUSTER_TIP)
        self.changed.emit()

    def has_choices(self) -> bool:
        """Tell whether the lists are filled."""
        return self._found is not None

    def follow_settings(self) -> None:
        """Take over the program's settings where the user has not chosen otherwise here."""
        settings = self._settings()
        if "out" not in self._touched:
            with QSignalBlocker(self.out):
                self.out.setText(str(self._results()))
        self._set("spotter", self.spotter, settings.spotting.spotter)
        self._set("recognizer", self.recognizer, settings.recognition.recognizer)
        self._set("faces", self.faces, settings.face.faces)
        if "threshold" not in self._touched:
            value = settings.spotting.threshold
            with QSignalBlocker(self.own_threshold), QSignalBlocker(self.threshold):
                self.own_threshold.setChecked(value is not None)
                self.threshold.setValue(_NO_THRESHOLD if value is None else value)
                self.threshold.setEnabled(value is not None)

    def _set(self, name: str, box: QComboBox, value: str) -> None:
        if name in self._touched:
            return
        with QSignalBlocker(box):
            if box.findData(value) < 0:
                box.addItem(value, value)
            box.setCurrentIndex(box.findData(value))

    def _show_exports(self, choices: Sequence[Choice]) -> None:
        for choice in choices:
            if choice.name in self.exports:
                continue
            box = QCheckBox(choice.name)
            box.setToolTip(choice.summary)
            if choice.name == ALWAYS:
                box.setChecked(True)
                box.setEnabled(False)
                box.setText(f"{choice.name} (always written)")
                box.setToolTip(f"{choice.summary} Always written, and session.json with it.")
            elif choice.reason:
                box.setEnabled(False)
                box.setToolTip(choice.reason)
            box.toggled.connect(self.changed)
            self.exports[choice.name] = box
            self._exports_box.addWidget(box)

    # How it looks.

    def _lay_out(self) -> None:
        form = QFormLayout()
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.setHorizontalSpacing(8)
        place = QHBoxLayout()
        place.addWidget(self.out)
        place.addWidget(self.browse)
        whole_place = QVBoxLayout()
        whole_place.addWidget(_label("&Results in", self.out))
        whole_place.addLayout(place)
        form.addRow(_label("&Spotter", self.spotter), self.spotter)
        form.addRow(self.own_threshold, self.threshold)
        form.addRow(_label("Reco&gnizer", self.recognizer), self.recognizer)
        form.addRow(_label("&Faces", self.faces), self.faces)
        form.addRow(self.set_rate, self.rate)
        form.addRow(_label("At the same &time", self.jobs), self.jobs)
        form.addRow(_label("&Cluster", self.cluster), self.cluster)
        for name, text, _ in _FACES:
            self.faces.addItem(text, name)
        for index, (_, _, tip) in enumerate(_FACES):
            self.faces.setItemData(index, tip, Qt.ItemDataRole.ToolTipRole)
        for box in (self.spotter, self.recognizer):  # names are short, reasons are in the tooltips
            box.setMinimumContentsLength(8)
            box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)

        also = QGroupBox("Also write")
        self._exports_box.addWidget(self.annotate)
        also.setLayout(self._exports_box)
        whole = QVBoxLayout(self)
        heading = QLabel("Options for files that begin from now on")
        heading.setProperty("role", "heading")
        heading.setWordWrap(True)
        whole.addWidget(heading)
        whole.addLayout(whole_place)
        whole.addLayout(form)
        whole.addWidget(self.resume)
        whole.addWidget(also)
        whole.addStretch(1)

        self.threshold.setRange(0.0, 1.0)
        self.threshold.setSingleStep(0.05)
        self.threshold.setValue(_NO_THRESHOLD)
        least, most, usual = _RATES
        self.rate.setRange(least, most)
        self.rate.setDecimals(3)
        self.rate.setValue(usual)
        self.rate.setSuffix(" frames/s")
        self.rate.setEnabled(False)
        self.jobs.setRange(1, _MOST_JOBS)
        self.jobs.valueChanged.connect(lambda n: self.jobs.setSuffix(" file" if n == 1 else " files"))
        self.jobs.setSuffix(" file")
        self.jobs.setValue(max(1, (os.cpu_count() or 2) // 2))
        self.cluster.setPlaceholderText("tcp://10.0.0.5:8786")

    def _explain(self) -> None:
        for widget, tip in (
            (self.out, _OUT_TIP),
            (self.browse, "Choose the folder for the results"),
            (self.spotter, "How movements are found; what cannot run here is greyed. (--spotter)"),
            (self.recognizer, "How movements are classified; none: no emotion label. (--recognizer)"),
            (self.own_threshold, "Off: the threshold that the spotter comes with. (--threshold)"),
            (self.threshold, "Score that an interval needs, 0 to 1. Higher: fewer false intervals."),
            (self.faces, "Which faces of a picture are analysed. (--faces)"),
            (self.set_rate, "On: replaces the times of the files, for slowed-down recordings; folders of "
             "images need it. (--fps)"),
            (self.rate, "Frames a second at which the pictures were taken"),
            (self.jobs, "Files analysed at the same time on this computer. (--jobs)"),
            (self.cluster, _CLUSTER_TIP),
            (self.annotate, "The video with what was found drawn on it, annotated.mp4; reads the file a "
             "second time. (--annotate)"),
            (self.resume, "Leave out files whose results are complete, with the same file, settings and "
             "models. (--resume)"),
        ):  # fmt: skip
            widget.setToolTip(tip)
            widget.setAccessibleDescription(tip)

    def _connect(self) -> None:
        self.browse.clicked.connect(self._choose_folder)
        self.out.textChanged.connect(lambda text: self.out.setToolTip(f"{text}\n{_OUT_TIP}"))
        self.own_threshold.toggled.connect(self.threshold.setEnabled)
        self.set_rate.toggled.connect(self.rate.setEnabled)
        for name, signal in (
            ("spotter", self.spotter.currentIndexChanged),
            ("recognizer", self.recognizer.currentIndexChanged),
            ("faces", self.faces.currentIndexChanged),
            ("threshold", self.own_threshold.toggled),
            ("threshold", self.threshold.valueChanged),
            ("out", self.out.textChanged),
        ):
            signal.connect(lambda _value, name=name: self._touched.add(name))
            signal.connect(self.changed)
        for other in (
            self.set_rate.toggled,
            self.rate.valueChanged,
            self.annotate.toggled,
            self.resume.toggled,
            self.jobs.valueChanged,
        ):
            other.connect(self.changed)
        self.cluster.textChanged.connect(self._cluster_typed)

    def _cluster_typed(self, text: str) -> None:
        self.jobs.setEnabled(not text.strip())
        self.jobs.setToolTip(
            "The cluster's scheduler says how many run at the same time."
            if text.strip()
            else "Files analysed at the same time on this computer. (--jobs)"
        )
        self.changed.emit()

    def _choose_folder(self) -> None:
        chosen = QFileDialog.getExistingDirectory(self, "Folder for the results", self.out.text())
        if chosen:
            self.out.setText(chosen)


_OUT_TIP = "Each file's results go into a folder of its own in this one. (--out)"
_CLUSTER_TIP = (
    "Address of a Dask scheduler whose workers analyse instead of this computer; they see the same paths. "
    "A pause waits for what runs there. (--cluster)"
)
_WHY = Qt.ItemDataRole.UserRole + 1


def _label(text: str, buddy: QWidget) -> QLabel:
    label = QLabel(text)
    label.setBuddy(buddy)
    return label


def _fill(box: QComboBox, choices: Sequence[Choice]) -> None:
    """Show all choices; those that cannot be chosen are greyed and say why."""
    chosen = box.currentData()
    with QSignalBlocker(box):
        box.clear()
        for choice in choices:
            more = " (not here)" if choice.reason else f" ({choice.short})" if choice.short else ""
            box.addItem(f"{choice.name}{more}", choice.name)
            at = box.count() - 1
            box.setItemData(at, choice.reason or choice.summary, Qt.ItemDataRole.ToolTipRole)
            box.setItemData(at, choice.reason, _WHY)
            model = box.model()
            if choice.reason and isinstance(model, QStandardItemModel) and (item := model.item(at)):
                item.setEnabled(False)
        if box.findData(chosen) < 0:  # a name of a settings file that no registry has
            box.addItem(f"{chosen} (unknown)", chosen)
            box.setItemData(box.count() - 1, "There is nothing of that name.", _WHY)
            model = box.model()
            if isinstance(model, QStandardItemModel) and (item := model.item(box.count() - 1)):
                item.setEnabled(False)
        box.setCurrentIndex(box.findData(chosen))
        if (shown := box.view()) is not None:  # the list is as wide as its words, the box is not
            shown.setMinimumWidth(min(_WIDEST_LIST, shown.sizeHintForColumn(0) + _LIST_MARGIN))


def _is_enabled(box: QComboBox, index: int) -> bool:
    model = box.model()
    item = model.item(index) if isinstance(model, QStandardItemModel) else None
    return item is None or item.isEnabled()
