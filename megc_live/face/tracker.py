"""Which faces are there, and which is which."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from megc_live.face.finder import Detector, FaceFinder
from megc_live.face.geometry import eye_distance
from megc_live.face.observation import FaceObservation
from megc_live.face.track import FaceTrack
from megc_live.settings import FaceSettings
from megc_live.video.frame import Frame

_SEARCH_S = 0.2  # while no face is seen, search the frame this often
_TILES_S = (1.0, 8.0)  # and its tiles this often: at first, and at least, doubling in between
_NEWCOMERS_S = 1.0  # with faces = all, look for further faces this often
_PATIENCE = 2  # frames without a detection before a face counts as lost
_MIN_EYE_PX = 8.0
_SAME_FACE_S = 1.0  # a face that comes back this soon, at the same place and size, is the same face


class FaceTracker:
    """Follows the largest face, or all of them.

    With ``faces = "largest"``, the largest face when nobody is followed is followed until it is lost,
    even if a larger one comes in: results of one face are never mixed with another's.

    Parameters
    ----------
    detector : Detector
    settings : FaceSettings
    """

    def __init__(self, detector: Detector, settings: FaceSettings | None = None) -> None:
        self._settings = settings or FaceSettings()
        self._finder = FaceFinder(detector, self._settings.detect_side)
        self._tracks: list[FaceTrack] = []
        self._misses: dict[int, int] = {}
        self._lost: list[tuple[float, FaceTrack]] = []
        self._next_id = 0
        self._searched_at = -np.inf
        self._tiled_at = -np.inf
        self._tiles_every = _TILES_S[0]

    @property
    def faces_seen(self) -> int:
        """How many different faces were followed so far."""
        return self._next_id

    def update(self, frame: Frame) -> list[FaceObservation]:
        """Return the faces of the next frame, in the order of their ids. Frames come in order of time."""
        seen = self._follow(frame)
        if self._should_search(frame.pts_s):
            seen += self._search(frame)
        return sorted(seen, key=lambda observation: observation.face_id)

    def _follow(self, frame: Frame) -> list[FaceObservation]:
        seen: list[FaceObservation] = []
        for track in list(self._tracks):
            observation = track.update(frame, self._finder)
            if observation is not None and any(
                older.face_id != track.face_id and older.distance_to(observation.landmarks) < 0.5
                for older in self._tracks[: self._tracks.index(track)]
            ):
                # Two tracks on one face: the one that was there first keeps it.
                self._tracks.remove(track)
                self._misses.pop(track.face_id, None)
                continue
            if observation is not None:
                self._misses[track.face_id] = 0
                seen.append(observation)
                continue
            self._misses[track.face_id] = self._misses.get(track.face_id, 0) + 1
            if self._misses[track.face_id] >= _PATIENCE:
                self._tracks.remove(track)
                self._lost.append((frame.pts_s, track))
                del self._misses[track.face_id]
                self._searched_at = -np.inf  # it may have moved: look for it at once
        return seen

    def _should_search(self, now: float) -> bool:
        if not self._tracks:
            return now - self._searched_at >= _SEARCH_S - 1e-6
        room = self._settings.faces == "all" and len(self._tracks) < self._settings.max_faces
        return room and now - self._searched_at >= _NEWCOMERS_S - 1e-6

    def _search(self, frame: Frame) -> list[FaceObservation]:
        self._searched_at = frame.pts_s
        tiles = not self._tracks and frame.pts_s - self._tiled_at >= self._tiles_every - 1e-6
        found = [f for f in self._finder.search(frame.image, tiles) if eye_distance(f) >= _MIN_EYE_PX]
        if tiles:
            self._tiled_at = frame.pts_s
            self._tiles_every = _TILES_S[0] if found else min(2 * self._tiles_every, _TILES_S[1])
        limit = 1 if self._settings.faces == "largest" else self._settings.max_faces
        new = []
        for landmarks in found:
            if len(self._tracks) >= limit:
                break
            if not self._is_known(landmarks):
                face_id = self._identify(landmarks, frame.pts_s)
                track = FaceTrack(face_id, frame, landmarks, self._settings.keyframe_s)
                self._tracks.append(track)
                new.append(track.observation)
        return new

    def _identify(self, landmarks: NDArray[np.float64], now: float) -> int:
        """Id of a face that was just lost here, or a new one."""
        self._lost = [(when, track) for when, track in self._lost if now - when <= _SAME_FACE_S]
        for item in self._lost:
            if item[1].distance_to(landmarks) < 0.7 and 0.8 < item[1].size_ratio(landmarks) < 1.25:
                self._lost.remove(item)
                return item[1].face_id
        self._next_id += 1
        return self._next_id - 1

    def _is_known(self, landmarks: NDArray[np.float64]) -> bool:
        return any(track.distance_to(landmarks) < 0.8 for track in self._tracks)
