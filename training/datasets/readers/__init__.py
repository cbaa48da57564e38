"""Readers of the data sets: importing this package registers them."""

from training.datasets.readers import ck_plus as ck_plus
from training.datasets.readers import clips as clips
from training.datasets.readers import composite as composite
from training.datasets.readers import flow as flow
from training.datasets.readers import long as long
