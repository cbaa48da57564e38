"""How the command lines speak: errors on one line, exit codes, settings from options."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperGroup

from megc_live.errors import MegcError, SettingsError

OK, FAILED, BAD_USAGE = 0, 1, 2


def print_error(message: str) -> None:
    """Print one line on stderr, red where that is a terminal."""
    typer.secho(f"error: {' '.join(message.split())}", fg="red", err=True)


def print_note(message: str) -> None:
    """Print one line on stderr that asks for nothing at once."""
    typer.echo(f"note: {' '.join(message.split())}", err=True)


class OneLineErrors(TyperGroup):
    """A group of commands that shows what goes wrong as one line and no traceback.

    That is every :class:`MegcError`, and what the operating system refuses: a full disk, a folder that
    cannot be written to. A wrong name or value is bad usage (exit code 2), everything else a failure (1).
    """

    def invoke(self, ctx: Any) -> Any:
        """Run the command that was asked for."""
        try:
            return super().invoke(ctx)
        except MegcError as error:
            print_error(str(error))
            raise typer.Exit(BAD_USAGE if isinstance(error, SettingsError) else FAILED) from None
        except OSError as error:
            if error.errno == errno.EPIPE:  # whoever read the output has gone: not ours to report
                raise
            where = f": {error.filename!r}" if error.filename else ""
            print_error(f"{error.strerror or error}{where}.")
            raise typer.Exit(FAILED) from None


def help_if_alone(ctx: typer.Context) -> None:
    """Print the help where no subcommand was given."""
    if ctx.invoked_subcommand is None:
        typer.echo(ctx.get_help())


def named_folder(text: str | Path) -> Path:
    """Return the folder that an option names; an empty name would stand for the current folder.

    Raises
    ------
    typer.BadParameter
        It is empty, as where a shell's variable is not set.
    """
    if not str(text).strip():
        raise typer.BadParameter("the name of the folder is empty; the current folder is '.'.")
    return Path(text)


def build_settings(file: Path | None, **chosen: Any) -> Any:
    """Return the settings of ``file`` with what was chosen on the command line put over them.

    Parameters
    ----------
    file : Path or None
        A TOML file, or a session.json.
    **chosen
        Values by dotted name with ``__`` for the dot (``spotting__spotter="ltp-ml"``); None: not chosen.

    Returns
    -------
    Settings

    Raises
    ------
    SettingsError
        A name or value is not possible.
    """
    from megc_live.settings import Settings

    values = (Settings.from_file(file) if file is not None else Settings()).model_dump()
    for dotted, value in chosen.items():
        if value is not None:
            part, name = dotted.split("__")
            values[part][name] = value
    return Settings.from_dict(values)
