"""When the face moves: local temporal patterns, head-free motion, and the spotters."""

from __future__ import annotations

from megc_live.spotting.base import SPOTTERS, Span, Spotter, make_spotter
from megc_live.spotting.interval import Interval, iou
from megc_live.spotting.lbp_chi2 import LbpChi2Spotter
from megc_live.spotting.ltp_ml import LtpMlSpotter
from megc_live.spotting.mdmd import MdmdSpotter
from megc_live.spotting.net import NetSpotter
from megc_live.spotting.of_fd import OfFdSpotter

__all__ = [
    "SPOTTERS",
    "Interval",
    "LbpChi2Spotter",
    "LtpMlSpotter",
    "MdmdSpotter",
    "NetSpotter",
    "OfFdSpotter",
    "Span",
    "Spotter",
    "iou",
    "make_spotter",
]
