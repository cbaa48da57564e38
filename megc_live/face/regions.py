"""The twelve regions of LTP-ML, and the regions and points that support them.

Index numbers are those of the 478-point face mesh. "Right" is the subject's right, which is
the picture's left in an unmirrored video. The mapping from the 49-point scheme of the
published code (brows 1 4 5 6 7 10, nose 11 14, mouth 32 35 38 41) goes through the 68-point
scheme: 17 20 21 22 23 26 | 27 30 | 48 51 54 57.
"""

from __future__ import annotations

REGION_POINTS: dict[str, int] = {
    "brow_r_outer": 70,
    "brow_r_mid": 66,
    "brow_r_inner": 107,
    "brow_l_inner": 336,
    "brow_l_mid": 296,
    "brow_l_outer": 300,
    "nose_bridge": 168,
    "nose_tip": 4,
    "mouth_r": 61,
    "lip_upper": 0,
    "mouth_l": 291,
    "lip_lower": 17,
}
"""Centre point of each of the twelve regions, in the order of every table and tensor."""

REGIONS: tuple[str, ...] = tuple(REGION_POINTS)

SUPPORT_POINTS: dict[str, int] = {
    "eyelid_r": 159,
    "eyelid_l": 386,
    "infraorbital_r": 118,
    "infraorbital_l": 347,
    "cheek_r": 205,
    "cheek_l": 425,
    "nose_wing_r": 48,
    "nose_wing_l": 278,
    "chin": 199,
    "chin_r": 204,
    "chin_l": 424,
    "glabella": 9,
}
"""Further places whose motion tells a spotter what the twelve regions' motion means: lids (blinks),
cheeks (AU6), nose wings (AU9, AU10), chin (AU17)."""

SIGNAL_POINTS: dict[str, int] = {**REGION_POINTS, **SUPPORT_POINTS}
SIGNALS: tuple[str, ...] = tuple(SIGNAL_POINTS)
"""The twelve regions, then the supporting ones: the order of every motion vector."""


def _mirror(name: str) -> str:
    if "_r" in name and (name.endswith("_r") or "_r_" in name):
        return name.replace("_r", "_l", 1)
    if "_l" in name and (name.endswith("_l") or "_l_" in name):
        return name.replace("_l", "_r", 1)
    return name


MIRROR: tuple[int, ...] = tuple(SIGNALS.index(_mirror(name)) for name in SIGNALS)
"""Index of each signal's mirror image: ``motion[MIRROR]`` is the motion of the flipped face."""

# fmt: off
STABLE_POINTS: tuple[int, ...] = (
    3, 4, 5, 6, 8, 9, 31, 32, 36, 47, 50, 59, 68, 69, 101, 104, 108, 113, 117, 134, 138, 142, 143,
    151, 156, 169, 187, 188, 193, 199, 203, 205, 207, 208, 210, 211, 213, 214, 229, 231, 248, 261,
    262, 266, 277, 280, 294, 298, 299, 309, 330, 333, 337, 342, 346, 363, 364, 367, 371, 372, 383,
    394, 395, 411, 412, 416, 417, 425, 427, 428, 430, 431, 433, 434, 449, 451,
)
# fmt: on
"""Points spread evenly over skin that mostly moves with the skull: none within a tenth of the eye
distance of eyes, brows or contour, nor within a quarter of it of the lips."""

EYE_POINTS: tuple[tuple[int, ...], tuple[int, ...]] = ((33, 133, 159, 145), (362, 263, 386, 374))
"""Corners and lid middles of the right and the left eye; their mean is the eye's centre."""
