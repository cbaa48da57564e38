"""The face mesh: 478 points from MediaPipe's FaceLandmarker.

The landmarker runs in IMAGE mode: each call stands alone, so the result does not depend on what
was shown before, on the clock, or on how a video is cut into chunks. VIDEO mode smooths
landmarks over calls, which is wrong for the few keyframes a second that are detected here.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from megc_live.closing import Closing
from megc_live.errors import ModelError

F32 = NDArray[np.float32]

N_POINTS = 478


class Landmarker(Closing):
    """Faces as 478 mesh points.

    Parameters
    ----------
    model_path : Path
        ``face_landmarker.task``; its hash is checked by :class:`megc_live.models.ModelStore`.
    max_faces : int
        Most faces that one call returns.
    min_confidence : float
        Detection and presence confidence that is needed, in (0, 1).

    Raises
    ------
    ModelError
        The bundle cannot be loaded.
    """

    def __init__(self, model_path: Path, max_faces: int = 1, min_confidence: float = 0.5) -> None:
        import mediapipe as mp
        from mediapipe.tasks.python import BaseOptions, vision

        self._mp = mp
        options = vision.FaceLandmarkerOptions(
            # Bytes, not a path: the bundle's reader does not take every file system's names.
            base_options=BaseOptions(model_asset_buffer=model_path.read_bytes()),
            running_mode=vision.RunningMode.IMAGE,
            num_faces=max_faces,
            min_face_detection_confidence=min_confidence,
            min_face_presence_confidence=min_confidence,
        )
        try:
            self._landmarker = vision.FaceLandmarker.create_from_options(options)
        except (RuntimeError, ValueError) as error:
            raise ModelError(
                f"cannot load the face landmarker {str(model_path)!r}: {error}.",
                "Run `megc-live models verify`.",
            ) from None
        self._closed = False

    def detect(self, rgb: NDArray[np.uint8]) -> list[F32]:
        """Return the faces of one picture.

        Parameters
        ----------
        rgb : ndarray of uint8, shape (height, width, 3)
            R, G, B.

        Returns
        -------
        list of ndarray of float32, shape (478, 3)
            x to the right, y down, z away from the camera, in pixels of ``rgb``.
        """
        height, width = rgb.shape[:2]
        image = self._mp.Image(image_format=self._mp.ImageFormat.SRGB, data=np.ascontiguousarray(rgb))
        result = self._landmarker.detect(image)
        scale = np.array([width, height, width], dtype=np.float32)
        return [
            np.array([(p.x, p.y, p.z) for p in face], dtype=np.float32) * scale
            for face in result.face_landmarks
        ]

    def close(self) -> None:
        """Free the model; must happen before the interpreter exits. Twice is fine."""
        if not self._closed:
            self._closed = True
            self._landmarker.close()
