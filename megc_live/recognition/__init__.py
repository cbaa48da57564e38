"""What a movement shows: the onset-apex flow image and its classifiers."""

from __future__ import annotations
