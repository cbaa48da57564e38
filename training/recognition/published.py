"""Scores as published for the composite database of MEGC 2019: UF1 and UAR, full and per data set."""

from __future__ import annotations

from dataclasses import dataclass

PARTS = ("full", "smic", "casme2", "samm")


@dataclass(frozen=True)
class PublishedRow:
    """One method: ``uf1`` and ``uar`` in the order of :data:`PARTS`; ``note`` says what to know of them."""

    method: str
    uf1: tuple[float, float, float, float]
    uar: tuple[float, float, float, float]
    source: str
    note: str = ""


_SUMMARY = "See et al., MEGC 2019"
_SAME_TABLE = "UAR taken over from the STSTNet paper's table: it may be precision there too"

PUBLISHED_ROWS = (
    PublishedRow(
        "LBP-TOP",
        (0.5882, 0.2000, 0.7026, 0.3954),
        (0.5785, 0.5280, 0.7429, 0.4102),
        _SUMMARY,
        f"{_SAME_TABLE}; SMIC UF1 .2000 is what answering negative always gives, with a recall of .333",
    ),
    PublishedRow(
        "Bi-WOOF", (0.6296, 0.5727, 0.7805, 0.5211), (0.6227, 0.5829, 0.8026, 0.5139), _SUMMARY, _SAME_TABLE
    ),
    PublishedRow(
        "CapsuleNet",
        (0.6520, 0.5820, 0.7068, 0.6209),
        (0.6506, 0.5877, 0.7018, 0.5989),
        _SUMMARY,
        "435 of 442 clips; epoch chosen on the test subject",
    ),
    PublishedRow(
        "OFF-ApexNet",
        (0.7196, 0.6817, 0.8764, 0.5409),
        (0.7096, 0.6695, 0.8681, 0.5392),
        _SUMMARY,
        _SAME_TABLE,
    ),
    PublishedRow(
        "Dual-Inception", (0.7322, 0.6645, 0.8621, 0.5868), (0.7278, 0.6726, 0.8560, 0.5663), _SUMMARY
    ),
    PublishedRow(
        "STSTNet, UAR corrected",
        (0.7353, 0.6801, 0.8382, 0.6588),
        (0.7186, 0.6703, 0.8190, 0.6415),
        "Liong et al. 2019, UAR from the authors' log of predictions",
        "printed as UAR are .7605 .7013 .8686 .6810, which is the log's mean precision",
    ),
    PublishedRow(
        "STSTNet, authors' PyTorch log",
        (0.7209, 0.6871, 0.8304, 0.5993),
        (0.7250, 0.6876, 0.8304, 0.6145),
        "computed from the log in the authors' release",
        "nothing chosen on test subjects",
    ),
    PublishedRow(
        "EMR",
        (0.7885, 0.7461, 0.8293, 0.7754),
        (0.7824, 0.7530, 0.8209, 0.7152),
        _SUMMARY,
        "epoch chosen on the test subject; CK+ besides",
    ),
    PublishedRow(
        "RCN-A 2020",
        (0.7432, 0.6326, 0.8512, 0.7601),
        (0.7190, 0.6441, 0.8123, 0.6715),
        "table of the HTNet release",
    ),
    PublishedRow(
        "FeatRef 2022",
        (0.7838, 0.7011, 0.8915, 0.7372),
        (0.7832, 0.7083, 0.8873, 0.7155),
        "table of the HTNet release",
    ),
    PublishedRow(
        "HTNet 2023",
        (0.8603, 0.8049, 0.9532, 0.8131),
        (0.8475, 0.7905, 0.9516, 0.8124),
        "table of the HTNet release",
        "epoch chosen on the test subject",
    ),
)
