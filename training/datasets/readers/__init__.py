"""Readers of the data sets: importing this package registers them."""

from training.datasets.readers import flow as flow
