"""F1 of spotting as published for CAS(ME)^2 and SAMM long videos, and how each was counted.

Scores that were counted by different rules, or over different videos, are not the same quantity.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class PublishedF1:
    """One method on one data set; None: not published.

    Attributes
    ----------
    method : str
    macro, micro, overall : float or None
        F1, IoU 0.5.
    rule : str
        How hits were counted, over which videos.
    source : str
        Where the number is from.
    note : str
        What to know of it.
    """

    method: str
    macro: float | None
    micro: float | None
    overall: float | None
    rule: str
    source: str
    note: str = ""


_2019 = "megc2019, videos with a micro-expression"
_2020 = "megc2020, all videos"
_2021 = "leave one subject out as in MEGC 2021, all videos; how hits are counted is not stated here"
_SUMMARY = "See et al., MEGC 2019, Table II"
_MDMD = "He et al., MEGC 2020 baseline"
_TABLE = "results table of the MTSN release"
_AUW = "results table of the AUW-GCN release"
_SOFTNET = "Liong et al. 2021 (SOFTNet)"
_TUNED = "threshold chosen on the test data; each kind judged only on videos that show it"

PUBLISHED: dict[str, tuple[PublishedF1, ...]] = {
    "cas_me2": (
        PublishedF1("LBP-chi2", None, 0.0035, None, _2019, _SUMMARY),
        PublishedF1("LTP-ML", None, 0.0179, None, _2019, _SUMMARY),
        PublishedF1("MDMD", 0.1196, 0.0082, 0.0376, _2020, _MDMD, "threshold chosen on the test data"),
        PublishedF1("Optical strain (Gan 2020)", 0.1436, 0.0098, 0.0448, _2021, _TABLE),
        PublishedF1("SP-FD (Zhang 2020)", 0.2131, 0.0547, 0.1403, _2021, _TABLE),
        PublishedF1("MESNet 2021", None, 0.0360, None, _2021, _TABLE),
        PublishedF1("3D-CNN (Yap)", 0.2145, 0.0714, 0.1675, _2021, _TABLE),
        PublishedF1("SOFTNet 2021", 0.2410, 0.1173, 0.2022, _2021, _SOFTNET, _TUNED),
        PublishedF1("Concat-CNN 2021", 0.2505, 0.0153, 0.2019, _2021, _TABLE),
        PublishedF1("LSSNet 2021", 0.3770, 0.0420, 0.3250, _2021, _TABLE),
        PublishedF1("OF-FD (He 2021)", 0.3782, 0.1965, 0.3436, _2021, _AUW),
        PublishedF1("MTSN 2022", 0.4104, 0.0808, 0.3620, _2021, _TABLE),
        PublishedF1("AUW-GCN 2023", 0.4235, 0.1538, 0.3834, _2021, _AUW, "epoch chosen on the test subject"),
        PublishedF1("MEAN 2023", None, 0.1214, None, _2021, "Liong et al. 2023 (MEAN)", "STRS .0809"),
        PublishedF1("LGFINet 2024", None, None, 0.4129, _2021, "abstract"),
        PublishedF1("Causal-Ex 2025", None, None, 0.388, _2021, "abstract"),
    ),
    "samm_long": (
        PublishedF1("LBP-chi2, cropped faces", None, 0.0055, None, _2019, _SUMMARY),
        PublishedF1("LTP-ML, full frame", None, 0.0229, None, _2019, _SUMMARY),
        PublishedF1("LTP-ML, cropped faces", None, 0.0316, None, _2019, _SUMMARY),
        PublishedF1("MDMD", 0.0629, 0.0364, 0.0445, _2020, _MDMD, "threshold chosen on the test data"),
        PublishedF1("SP-FD (Zhang 2020)", 0.0725, 0.1331, 0.0999, _2021, _TABLE),
        PublishedF1("MESNet 2021", None, 0.0880, None, _2021, _TABLE),
        PublishedF1("3D-CNN (Yap)", 0.1595, 0.0466, 0.1084, _2021, _TABLE),
        PublishedF1(
            "OpenFace action units (Yap 2020)", 0.4081, 0.0508, 0.3299, _2021, "table of the SOFTNet release"
        ),
        PublishedF1("SOFTNet 2021", 0.2169, 0.1520, 0.1881, _2021, _SOFTNET, _TUNED),
        PublishedF1("Concat-CNN 2021", 0.3553, 0.1155, 0.2736, _2021, _TABLE),
        PublishedF1("LSSNet 2021", 0.2810, 0.1310, 0.2380, _2021, _TABLE),
        PublishedF1("OF-FD (He 2021)", 0.4149, 0.2162, 0.3638, _2021, _AUW),
        PublishedF1("MTSN 2022", 0.3459, 0.0878, 0.2867, _2021, _TABLE),
        PublishedF1("AUW-GCN 2023", 0.4293, 0.1984, 0.3728, _2021, _AUW, "epoch chosen on the test subject"),
        PublishedF1("MEAN 2023", None, 0.0949, None, _2021, "Liong et al. 2023 (MEAN)", "STRS .0499"),
        PublishedF1("LGFINet 2024", None, None, 0.3710, _2021, "abstract"),
        PublishedF1("Causal-Ex 2025", None, None, 0.3701, _2021, "abstract"),
    ),
}
"""By the data set's name, in the order of publication."""
