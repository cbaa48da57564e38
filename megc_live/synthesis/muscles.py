"""Where each action unit pulls and which way: the anatomy behind :mod:`megc_live.synthesis.units`.

Directions are for the subject's right half, in degrees: 0 towards the midline (the right of an
unmirrored picture), 90 up, 180 outwards. The left half is its mirror image.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from megc_live.synthesis.units import Kernel


@dataclass(frozen=True)
class Pull:
    """One kernel of a unit before it is drawn.

    ``points``: mesh points of the right side or the midline; ``degrees``: direction; ``widths``:
    standard deviations in eye distances, along and across ``turn`` (degrees); ``weight``: relative
    displacement; ``optional``: probability that a draw goes without it; ``middle``: on the midline.
    """

    points: tuple[int, ...]
    degrees: float
    widths: tuple[float, float]
    weight: float = 1.0
    optional: float = 0.0
    middle: bool = False
    turn: float = 0.0


PULLS: dict[str, tuple[Pull, ...]] = {
    # Inner brow raiser: frontalis, medial part; the forehead above follows.
    "AU1": (
        Pull((107, 55), 95, (0.17, 0.15)),
        Pull((107, 108), 92, (0.19, 0.17), 0.55, optional=0.2),
        Pull((9,), 90, (0.16, 0.16), 0.4, optional=0.4, middle=True),
    ),
    # Outer brow raiser: frontalis, lateral part.
    "AU2": (
        Pull((105, 63), 100, (0.21, 0.14)),
        Pull((105, 104), 95, (0.22, 0.17), 0.5, optional=0.2),
        Pull((225,), 95, (0.16, 0.08), 0.35, optional=0.4),
    ),
    # Brow lowerer: corrugator, depressor supercilii, procerus: down and together.
    "AU4": (
        Pull((107, 55), -45, (0.17, 0.14)),
        Pull((66, 65), -65, (0.18, 0.13), 0.6, optional=0.15),
        Pull((9, 8), -90, (0.14, 0.15), 0.6, optional=0.25, middle=True),
    ),
    # Cheek raiser: orbicularis oculi, orbital part: cheek up, outer eye drawn in.
    "AU6": (
        Pull((117, 50), 80, (0.24, 0.17)),
        Pull((145, 230), 85, (0.17, 0.07), 0.45, optional=0.2),
        Pull((35, 31), 5, (0.12, 0.14), 0.45, optional=0.25),
    ),
    # Lid tightener: orbicularis oculi, palpebral part: lower lid up, upper a little down.
    "AU7": (
        Pull((145, 23), 90, (0.19, 0.085)),
        Pull((159,), -90, (0.18, 0.07), 0.4, optional=0.35),
        Pull((33,), 0, (0.1, 0.09), 0.3, optional=0.5),
    ),
    # Nose wrinkler: levator labii superioris alaeque nasi.
    "AU9": (
        Pull((48, 131), 80, (0.12, 0.16)),
        Pull((193, 122), 85, (0.1, 0.15), 0.6, optional=0.2),
        Pull((37, 39), 90, (0.17, 0.1), 0.5, optional=0.35),
        Pull((55,), -75, (0.13, 0.1), 0.4, optional=0.4),
    ),
    # Upper lip raiser: levator labii superioris.
    "AU10": (
        Pull((40, 39), 92, (0.16, 0.11)),
        Pull((206, 203), 85, (0.13, 0.15), 0.7, optional=0.15),
        Pull((0,), 90, (0.14, 0.09), 0.5, optional=0.4, middle=True),
    ),
    # Lip corner puller: zygomaticus major: up and out; the cheek follows.
    "AU12": (
        Pull((61, 57), 138, (0.17, 0.15)),
        Pull((216, 206), 115, (0.16, 0.18), 0.55, optional=0.2),
        Pull((205, 50), 90, (0.22, 0.18), 0.35, optional=0.3),
    ),
    # Dimpler: buccinator: corner back, cheek beside it gathers.
    "AU14": (
        Pull((61, 186), 175, (0.13, 0.12)),
        Pull((214, 212), 15, (0.15, 0.16), 0.5, optional=0.25),
    ),
    # Lip corner depressor: depressor anguli oris.
    "AU15": (
        Pull((61, 43), -100, (0.15, 0.13)),
        Pull((202, 204), -95, (0.14, 0.15), 0.6, optional=0.2),
    ),
    # Chin raiser: mentalis: chin boss and lower lip up.
    "AU17": (
        Pull((199, 200), 90, (0.22, 0.17), middle=True),
        Pull((18, 17), 90, (0.2, 0.11), 0.65, optional=0.15, middle=True),
        Pull((61,), -90, (0.12, 0.1), 0.25, optional=0.5),
    ),
    # Lip stretcher: risorius, platysma: corners out and slightly down.
    "AU20": (
        Pull((61, 57), -172, (0.18, 0.13)),
        Pull((202, 214), -165, (0.17, 0.17), 0.5, optional=0.3),
    ),
    # Lips part: lower lip down with the chin, upper lip a little up.
    "AU25": (
        Pull((14, 17), -90, (0.24, 0.1), middle=True),
        Pull((199,), -90, (0.24, 0.16), 0.5, optional=0.25, middle=True),
        Pull((13, 0), 90, (0.22, 0.08), 0.4, optional=0.3, middle=True),
    ),
}
"""Each unit's kernels on the right side (and the midline)."""

# fmt: off
_TWINS: dict[int, int] = {
    23: 253, 31: 261, 33: 263, 35: 265, 37: 267, 39: 269, 40: 270, 43: 273, 48: 278, 50: 280,
    55: 285, 57: 287, 61: 291, 63: 293, 65: 295, 66: 296, 104: 333, 105: 334, 107: 336, 108: 337,
    117: 346, 122: 351, 131: 360, 145: 374, 159: 386, 186: 410, 193: 417, 202: 422, 203: 423,
    204: 424, 205: 425, 206: 426, 212: 432, 214: 434, 216: 436, 225: 445, 230: 450,
}
"""Mirror images of the mesh points that the units use."""

FREE_POINTS: tuple[int, ...] = (
    9, 18, 37, 40, 43, 50, 61, 63, 65, 66, 69, 101, 104, 105, 107, 108, 117, 118, 145, 151, 165,
    186, 192, 195, 199, 202, 203, 204, 205, 206, 207, 211, 212, 214, 216, 230, 267, 270, 273, 280,
    291, 293, 295, 296, 299, 330, 333, 334, 336, 337, 346, 347, 374, 391, 410, 416, 422, 423, 424,
    425, 426, 427, 431, 432, 434, 436, 450,
)
# fmt: on
"""Centres of movements that are no action unit."""


def mirror(kernel: Kernel) -> Kernel:
    """Return the kernel's mirror image on the left side of the face."""
    xx, xy, yx, yy = kernel.spread
    return replace(
        kernel,
        points=tuple(_TWINS[point] for point in kernel.points),
        shift=(-kernel.shift[0], kernel.shift[1]),
        angle=-kernel.angle,
        pull=(-kernel.pull[0], kernel.pull[1]),
        # x -> -x flips the sign of the first local axis as well as of the x displacement.
        spread=(xx, -xy, -yx, yy),
    )
