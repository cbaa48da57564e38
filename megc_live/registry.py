"""Registries: a name, a class and what the class can do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from megc_live.errors import SettingsError

T = TypeVar("T")


@dataclass(frozen=True)
class Entry(Generic[T]):
    """One registered class: its name, how to make it, and its capabilities."""

    name: str
    make: Callable[..., T]
    summary: str
    capabilities: dict[str, Any] = field(default_factory=dict)


class Registry(Generic[T]):
    """Named implementations of one protocol.

    Examples
    --------
    >>> tools: Registry[object] = Registry("tool")
    >>> @tools.register("saw", summary="cuts", cuts=True)
    ... class Saw: ...
    >>> tools["saw"].capabilities["cuts"]
    True
    """

    def __init__(self, what: str) -> None:
        self.what = what
        self._entries: dict[str, Entry[T]] = {}

    def register(
        self, name: str, *, summary: str, **capabilities: Any
    ) -> Callable[[Callable[..., T]], Callable[..., T]]:
        """Return a decorator that registers a class under ``name``."""

        def add(make: Callable[..., T]) -> Callable[..., T]:
            if name in self._entries:
                raise ValueError(f"{self.what} {name!r} is registered twice")
            self._entries[name] = Entry(name, make, summary, capabilities)
            return make

        return add

    def __getitem__(self, name: str) -> Entry[T]:
        try:
            return self._entries[name]
        except KeyError:
            raise SettingsError(
                f"there is no {self.what} named {name!r}.",
                f"Choose one of: {', '.join(sorted(self._entries))}.",
            ) from None

    def __contains__(self, name: object) -> bool:
        return name in self._entries

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def entries(self) -> list[Entry[T]]:
        """Return the entries in the order of registration."""
        return list(self._entries.values())
