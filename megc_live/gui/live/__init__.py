"""The Live workspace: a face is watched, and its intervals are shown as they become certain."""

from __future__ import annotations
