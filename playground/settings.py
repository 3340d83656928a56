"""The settings of the server, read and checked in this one place.

Flags come before environment variables, and those before the defaults.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from playground.errors import SettingsError

DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = 7860
DEFAULT_MODEL = "pocket-bert"


def home_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """The one folder under which everything is kept: ``PLAYGROUND_HOME``, or the platform's own.

    Raises SettingsError where that cannot be a folder to write to.
    """
    given = environ.get("PLAYGROUND_HOME", "").strip()
    if given:
        return _checked_home(given)
    from platformdirs import user_data_dir

    return Path(user_data_dir("prompt-playground"))


@dataclass(frozen=True)
class Settings:
    """Where the page is served, where its things are kept, and the model it opens with."""

    host: str
    port: int
    home: Path
    model: str

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ) -> Settings:
        """Reads ``GRADIO_SERVER_NAME``, ``GRADIO_SERVER_PORT`` and ``PLAYGROUND_HOME``, ``_MODEL``.

        Raises SettingsError, with the variable's name as ``field``, for what cannot be used.
        """
        return cls(
            host=environ.get("GRADIO_SERVER_NAME", "").strip() or DEFAULT_HOST,
            port=_checked_port(
                environ.get("GRADIO_SERVER_PORT", "").strip() or str(DEFAULT_PORT),
                field="GRADIO_SERVER_PORT",
            ),
            home=home_folder(environ),
            model=environ.get("PLAYGROUND_MODEL", "").strip() or DEFAULT_MODEL,
        )

    @classmethod
    def from_command_line(
        cls, arguments: Sequence[str] | None = None, environ: Mapping[str, str] = os.environ
    ) -> Settings:
        """Reads the flags of ``app.py``; what they leave open comes from the environment.

        Raises SettingsError, with the flag or variable as ``field``, for what cannot be used.
        """
        given = _parser().parse_args(arguments)
        flags = {
            "GRADIO_SERVER_NAME": given.host,
            "PLAYGROUND_HOME": given.home,
            "PLAYGROUND_MODEL": given.model,
        }
        if given.port is not None:
            flags["GRADIO_SERVER_PORT"] = str(_checked_port(given.port, field="--port"))
        return cls.from_environment({**environ, **{k: v for k, v in flags.items() if v}})


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="app.py",
        description="Serve the Prompt Playground. Each flag has an environment variable behind it.",
    )
    parser.add_argument(
        "--host", help=f"address to listen on (GRADIO_SERVER_NAME; default {DEFAULT_HOST})"
    )
    parser.add_argument(
        "--port",
        help=f"port to listen on, 0 for any free one (GRADIO_SERVER_PORT; default {DEFAULT_PORT})",
    )
    parser.add_argument(
        "--home", help="folder for runs and uploads (PLAYGROUND_HOME; default: user data folder)"
    )
    parser.add_argument(
        "--model", help=f"model to open with (PLAYGROUND_MODEL; default {DEFAULT_MODEL})"
    )
    return parser


def _checked_port(given: str, *, field: str) -> int:
    if given.isascii() and given.isdigit() and len(given) <= 5 and int(given) <= 65535:
        return int(given)
    raise SettingsError(
        f"{field} is “{given}”, which is not a port. Give a whole number from 0 to 65535.",
        field=field,
        code="settings.port",
        value=given,
    )


def _checked_home(given: str) -> Path:
    home = Path(given).expanduser().absolute()
    nearest = next(str(folder) for folder in (home, *home.parents) if os.path.exists(folder))
    if os.path.isdir(nearest) and os.access(nearest, os.W_OK):
        return home
    raise SettingsError(
        f"The home folder “{given}” cannot be used: {nearest} is not a folder that can be "
        "written to. Give another one with PLAYGROUND_HOME or --home.",
        field="PLAYGROUND_HOME",
        code="settings.home",
        value=given,
        file=nearest,
    )
