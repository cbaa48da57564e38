"""One face, followed: keyframes say where it is, sparse optical flow carries it in between."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from megc_live.face.blink import BlinkMeter
from megc_live.face.finder import FaceFinder
from megc_live.face.geometry import (
    apply,
    compose,
    eye_centres,
    eye_distance,
    fit_similarity,
    head_angles,
    invert,
    lengths,
    scale_of,
)
from megc_live.face.landmarks import N_POINTS
from megc_live.face.observation import (
    CANONICAL_EYE_PX,
    CANONICAL_EYES,
    CROP_HEIGHT,
    CROP_WIDTH,
    FaceObservation,
)
from megc_live.face.quality import assess
from megc_live.face.regions import STABLE_POINTS
from megc_live.video.frame import Frame

_STABLE = list(STABLE_POINTS)
_CORRECTION = 0.2  # share of the difference to the landmarks that one keyframe takes back
_SNAP_PX = 4.0  # crop pixels: a larger difference is a lost face found again, not drift
_CANONICAL_GAIN = 0.4
_LIDS_MOVED = 0.45
_MIN_AGREEMENT = 0.5
_LK_WINDOW = (15, 15)
_LK_LEVELS = 2
_LK_STOP = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 12, 0.01)


class FaceTrack:
    """State of one face between frames.

    Parameters
    ----------
    face_id : int
    frame : Frame
        The frame on which the face was found.
    landmarks : ndarray, shape (478, 3)
        In source pixels.
    keyframe_s : float
        Longest time between full detections.
    """

    def __init__(self, face_id: int, frame: Frame, landmarks: NDArray[np.float64], keyframe_s: float) -> None:
        self.face_id = face_id
        self._keyframe_s = keyframe_s
        self._blink = BlinkMeter()
        self._canonical = np.zeros((N_POINTS, 2))
        self._depth = np.zeros(N_POINTS)
        self._anchor(landmarks)
        self._crop = self._warp(frame)
        self.observation = self._observe(frame, landmarks, 1.0, jump=True)

    def update(self, frame: Frame, finder: FaceFinder) -> FaceObservation | None:
        """Follow the face into ``frame``; return None if it is lost."""
        agreement = self._carry(frame)
        lids = self._blink.changed(self._crop, self._canonical)
        age = frame.pts_s - self._keyframe_at
        due = age >= self._keyframe_s - 1e-6
        alarm = agreement < _MIN_AGREEMENT or (lids > _LIDS_MOVED and age > 0.06)
        jump = False
        landmarks: NDArray[np.float64] | None = None
        if due or alarm:
            landmarks = finder.follow(frame.image, self._landmarks())
            if landmarks is None:
                return None
            jump = self._correct(frame, landmarks)
        elif lids <= _LIDS_MOVED:
            self._blink.relax()
        self.observation = self._observe(frame, landmarks, agreement, jump)
        return self.observation

    def distance_to(self, landmarks: NDArray[np.float64]) -> float:
        """Distance between this face's centre and another's, in eye distances."""
        mine = self._landmarks()[:, :2].mean(0)
        return float(np.hypot(*(mine - landmarks[:, :2].mean(0)))) / (
            CANONICAL_EYE_PX * scale_of(self._transform)
        )

    def size_ratio(self, landmarks: NDArray[np.float64]) -> float:
        """Another face's eye distance over this one's."""
        return eye_distance(landmarks) / (CANONICAL_EYE_PX * scale_of(self._transform))

    def _anchor(self, landmarks: NDArray[np.float64]) -> None:
        self._transform, _ = fit_similarity(np.array(CANONICAL_EYES), eye_centres(landmarks))
        self._set_canonical(landmarks, gain=1.0)

    def _set_canonical(self, landmarks: NDArray[np.float64], gain: float) -> None:
        points = apply(invert(self._transform), landmarks[:, :2])
        depth = landmarks[:, 2] / scale_of(self._transform)
        self._canonical = self._canonical + gain * (points - self._canonical)
        self._depth = self._depth + gain * (depth - self._depth)

    def _carry(self, frame: Frame) -> float:
        """Move the transform along by sparse flow on stable points; return the share that agrees."""
        before, predicted = self._crop, self._warp(frame)
        points = self._canonical[_STABLE].astype(np.float32).reshape(-1, 1, 2)
        there, found = _sparse_flow(before, predicted, points)
        back, found_back = _sparse_flow(predicted, before, there, guess=points)
        error = lengths((back - points).reshape(-1, 2))  # forward-backward
        good = (found.ravel() == 1) & (found_back.ravel() == 1) & (error < 0.7)
        if good.sum() < 12:
            self._crop = predicted
            return 0.0
        start = points.reshape(-1, 2)[good].astype(np.float64)
        end = there.reshape(-1, 2)[good].astype(np.float64)
        step, inliers = fit_similarity(start, end, trims=2)
        self._transform = compose(self._transform, step)
        self._crop = self._warp(frame)
        return float(inliers.sum()) / len(points)

    def _correct(self, frame: Frame, landmarks: NDArray[np.float64]) -> bool:
        """Take back part of the drift; return True if the face was somewhere else altogether."""
        target, _ = fit_similarity(self._canonical[_STABLE], landmarks[_STABLE, :2], trims=1, tolerance=1.5)
        apart = apply(invert(self._transform), apply(target, self._canonical[_STABLE]))
        off = float(np.hypot(*(apart - self._canonical[_STABLE]).T).mean())
        if off > _SNAP_PX:
            self._anchor(landmarks)
            self._crop = self._warp(frame)
            return True
        self._transform = self._transform + _CORRECTION * (target - self._transform)
        self._crop = self._warp(frame)
        self._set_canonical(landmarks, _CANONICAL_GAIN)
        return False

    def _warp(self, frame: Frame) -> NDArray[np.uint8]:
        grey = frame.image.grey
        scale = scale_of(self._transform)
        how = cv2.INTER_LINEAR
        if scale > 2.0:
            # Shrinking by more than two with bilinear taps aliases; average first, in the face's box only.
            return self._warp_shrunk(grey, int(scale))
        crop = cv2.warpAffine(
            grey,
            self._transform,
            (CROP_WIDTH, CROP_HEIGHT),
            flags=how | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        )
        return np.asarray(crop, dtype=np.uint8)

    def _warp_shrunk(self, grey: NDArray[np.uint8], factor: int) -> NDArray[np.uint8]:
        corners = apply(
            self._transform,
            np.array([[0, 0], [CROP_WIDTH, 0], [0, CROP_HEIGHT], [CROP_WIDTH, CROP_HEIGHT]], dtype=float),
        )
        height, width = grey.shape
        # Aligned to the shrink grid, so that a face that stands still is averaged over the same pixels.
        x0 = int(np.clip(corners[:, 0].min() // factor * factor, 0, width - factor))
        y0 = int(np.clip(corners[:, 1].min() // factor * factor, 0, height - factor))
        x1 = int(np.clip(corners[:, 0].max() + factor, x0 + factor, width))
        y1 = int(np.clip(corners[:, 1].max() + factor, y0 + factor, height))
        size = ((x1 - x0) // factor, (y1 - y0) // factor)
        part = grey[y0 : y0 + size[1] * factor, x0 : x0 + size[0] * factor]
        small = cv2.resize(part, size, interpolation=cv2.INTER_AREA)
        # Pixel centres: source x = (small x + 0.5) * factor - 0.5 + x0.
        transform = self._transform / factor
        transform[:, 2] = (self._transform[:, 2] - np.array([x0, y0]) + 0.5) / factor - 0.5
        crop = cv2.warpAffine(
            small,
            transform,
            (CROP_WIDTH, CROP_HEIGHT),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        )
        return np.asarray(crop, dtype=np.uint8)

    def _landmarks(self) -> NDArray[np.float64]:
        return np.column_stack(
            [apply(self._transform, self._canonical), self._depth * scale_of(self._transform)]
        )

    def _observe(
        self, frame: Frame, detected: NDArray[np.float64] | None, agreement: float, jump: bool
    ) -> FaceObservation:
        if detected is not None:
            self._keyframe_at = frame.pts_s
            self._pose = head_angles(detected)
            self._blink.measure(detected, self._crop, self._canonical)
        landmarks = self._landmarks() if detected is None else detected
        eye_px = CANONICAL_EYE_PX * scale_of(self._transform)
        return FaceObservation(
            face_id=self.face_id,
            index=frame.index,
            pts_s=frame.pts_s,
            landmarks=landmarks,
            canonical=self._canonical,
            depth=self._depth,
            transform=self._transform,
            crop=self._crop,
            quality=assess(self._crop, eye_px, self._pose),
            pose=self._pose,
            blink=self._blink.closure,
            confidence=agreement,
            keyframe=detected is not None,
            jump=jump,
        )


def _sparse_flow(
    before: NDArray[np.uint8],
    after: NDArray[np.uint8],
    points: NDArray[np.float32],
    guess: NDArray[np.float32] | None = None,
) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """Lucas-Kanade: where points (n, 1, 2) went, and which were found.

    Pyramidal without a guess of the answer; with one, in full resolution from there: the way back from a
    point that was tracked right starts at its end, and one that was tracked wrong still leaves it.
    """
    level, flags = (_LK_LEVELS, 0) if guess is None else (0, cv2.OPTFLOW_USE_INITIAL_FLOW)
    there, found, _ = cv2.calcOpticalFlowPyrLK(
        before,
        after,
        points,
        np.empty_like(points) if guess is None else guess.copy(),
        winSize=_LK_WINDOW,
        maxLevel=level,
        criteria=_LK_STOP,
        flags=flags,
    )
    return np.asarray(there, dtype=np.float32), np.asarray(found, dtype=np.uint8)
