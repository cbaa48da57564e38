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
