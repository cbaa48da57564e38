"""Messages above the work: the newest is shown, and no offer is lost to it."""

from __future__ import annotations

import pytest
from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from megc_live.gui.banner import Banner
from tests.gui.conftest import Windows

CTRL_SHIFT = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier


@pytest.fixture
def banner(qtbot: QtBot) -> Banner:
    made = Banner("Esc")
    qtbot.addWidget(made)
    return made


def shown(banner: Banner) -> tuple[str, str] | None:
    """Text and button; None: nothing is shown."""
    if not banner.isVisible():
        return None
    return banner.text.text(), banner.button.text() if banner.button.isVisible() else ""


def test_an_offer_comes_back_when_what_covered_it_is_dismissed(banner: Banner) -> None:
    taken: list[str] = []
    banner.tell("A session was cut off.", "Keep it", "", lambda: taken.append("keep"))
    banner.tell("The settings are kept.")
    banner.tell("The disk is full.")
    assert shown(banner) == ("The disk is full.", "") and banner.dismiss.text() == "Dismiss, 1 more"
    banner.leave()
    assert shown(banner) == ("A session was cut off.", "Keep it") and banner.dismiss.text() == "Dismiss"
    banner.press()
    assert taken == ["keep"] and shown(banner) is None


def test_offers_wait_for_each_other_and_do_what_they_say(banner: Banner) -> None:
    taken: list[str] = []
    for name in ("one", "two", "three"):
        banner.tell(f"There is {name}.", "Open it", "", lambda name=name: taken.append(name))  # type: ignore[misc]
    banner.tell("There is two.", "Open it", "", lambda: taken.append("two, anew"))
    assert banner.dismiss.text() == "Dismiss, 2 more", "the same offer is there once"
    for _ in range(3):
        banner.press()
    assert taken == ["two, anew", "three", "one"] and shown(banner) is None


def test_an_offer_takes_the_place_of_one_that_does_the_same(banner: Banner) -> None:
    located: list[int] = []

    def locate() -> None:
        located.append(1)

    for frame in (3, 4):
        banner.tell(f"Frame {frame} cannot be read.", "Locate …", "", locate)
        banner.tell("Something else.")
    banner.leave()
    assert shown(banner) == ("Frame 4 cannot be read.", "Locate …")
    banner.press()
    assert located == [1] and shown(banner) is None


def test_what_was_dismissed_or_is_over_does_not_come_back(banner: Banner) -> None:
    banner.tell("One.", "Open it")
    banner.leave()
    banner.tell("Plain.")
    banner.leave()
    assert shown(banner) is None
    banner.tell("One.", "Open it")
    banner.tell("Plain.")
    banner.hide()
    banner.tell("Other results.")
    banner.leave()
    assert shown(banner) is None


def test_what_an_offer_tells_as_it_is_taken_is_shown(banner: Banner) -> None:
    banner.tell("Older.", "Later", "", lambda: None)
    banner.tell("A session was cut off.", "Keep it", "", lambda: banner.tell("Kept.", "Open it"))
    banner.press()
    assert shown(banner) == ("Kept.", "Open it")
    banner.leave()
    assert shown(banner) == ("Older.", "Later")


def test_one_that_can_be_cancelled_stays_to_be_seen(qtbot: QtBot) -> None:
    banner = Banner("Esc", stays=True)
    qtbot.addWidget(banner)
    asked: list[int] = []
    banner.tell("The video is elsewhere.", "Locate …", "", lambda: asked.append(1))
    banner.press()
    banner.press()
    assert asked == [1, 1] and shown(banner) == ("The video is elsewhere.", "Locate …")
    banner.tell("That is another video.", "Locate …")
    banner.leave()
    assert shown(banner) is None, "it was answered"
    banner.tell("The video is elsewhere.", "Locate …", "", lambda: None, also=("Take over", "", lambda: None))
    banner.press()  # and cancel that
    banner.tell("That cannot be done.")
    banner.leave()
    assert shown(banner) == ("The video is elsewhere.", "Take over"), "that was not answered"


def test_what_was_done_in_another_way_is_offered_no_more(banner: Banner) -> None:
    def take() -> None: ...

    def locate() -> None: ...

    banner.tell("Decisions are here.", "Take over", "", take)
    banner.tell("No video.", "Locate …", "", locate, also=("Take over", "", take))
    assert banner.dismiss.text() == "Dismiss", "it offers what the first one did"
    banner.tell("Something else.")
    banner.withdraw(take)
    assert shown(banner) == ("Something else.", "")
    banner.leave()
    assert shown(banner) == ("No video.", "Locate …") and not banner.second.isVisible()
    banner.withdraw(locate)
    assert shown(banner) == ("No video.", ""), "it stays to be read"


def test_the_keyboard_goes_back_to_the_work_only_from_the_message(new_window: Windows, qtbot: QtBot) -> None:
    window = new_window()
    window.go_to(1)
    qtbot.waitUntil(lambda: QApplication.focusWidget() is window.live)
    window.tell("One.", "Open it", lambda: None)
    window.banner.dismiss.setFocus()
    qtbot.keyClick(window.banner.dismiss, Qt.Key.Key_Space)
    assert QApplication.focusWidget() is window.live
    window.start.address.setEnabled(True)
    window.go_to(0)
    window.start.address.setFocus()
    window.tell("Two.", "Open it", lambda: None)
    window.banner.leave()
    assert QApplication.focusWidget() is window.start.address, "somebody is typing there"


def test_the_keys_of_the_window_work_in_it(new_window: Windows, qtbot: QtBot) -> None:
    window = new_window()
    taken: list[int] = []
    window.tell("The clip is ready.", "Watch it", lambda: taken.append(1))
    window.tell("Something else.")
    qtbot.keyClick(window, Qt.Key.Key_G, CTRL_SHIFT)
    assert taken == [] and shown(window.banner) == ("Something else.", "")
    qtbot.keyClick(window, Qt.Key.Key_D, CTRL_SHIFT)
    assert shown(window.banner) == ("The clip is ready.", "Watch it")
    qtbot.keyClick(window, Qt.Key.Key_G, CTRL_SHIFT)
    assert taken == [1] and shown(window.banner) is None


def test_a_message_may_offer_two_things(banner: Banner) -> None:
    done: list[str] = []
    banner.tell(
        "no video", "Locate", "where it is", lambda: done.append("located"),
        also=("Take over", "", lambda: done.append("taken")),
    )  # fmt: skip
    assert banner.button.isVisible() and banner.second.isVisible()
    banner.tell("something else")
    assert not banner.button.isVisible() and not banner.second.isVisible()
    banner.dismiss.click()
    banner.second.click()
    assert done == ["taken"]
    banner.tell("no video", "Locate", "where it is", lambda: done.append("located"))
    assert not banner.second.isVisible()
    banner.press()
    assert done == ["taken", "located"] and not banner.isVisible()
