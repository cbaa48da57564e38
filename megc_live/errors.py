"""One family of errors for everything that a user can get wrong or repair.

Every message says what was got, what was expected and what to do; the command line prints
it as one line and never shows a traceback for it.
"""

from __future__ import annotations


class MegcError(Exception):
    """Base of every error that this project raises on purpose.

    Parameters
    ----------
    got : str
        What was found, for example ``"cannot read 'a.mp4': no video stream"``.
    do : str, optional
        What the reader can do about it, as an imperative sentence.
    """

    def __init__(self, got: str, do: str = "") -> None:
        self.got = got
        self.do = do
        super().__init__(f"{got} {do}".strip())


class SourceError(MegcError):
    """A camera, stream, file or folder that cannot be opened or read."""


class ModelError(MegcError):
    """A model file that is missing, altered, or not what its card says."""


class SettingsError(MegcError):
    """A setting with a value or a name that does not exist."""


class OutputError(MegcError):
    """A result that cannot be written where it was asked for."""


class DatasetError(MegcError):
    """A corpus, an annotation or a table that is not in the layout that was expected."""


class FrameGone(MegcError):
    """A reader asked the ring for a frame that it no longer holds."""


class ReviewError(MegcError):
    """A correction of an interval that cannot be made, or a review that cannot be opened."""
