"""The settings of the server, read and checked in this one place.

Flags come before environment variables, and those before the defaults.
"""

from __future__ import annotations

import argparse
import contextlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from playground.errors import SettingsError

DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = 7860
DEFAULT_MODEL = "pocket-bert"
EXECUTORS = ("local", "ray")
MOST = 1000  # of runs at a time, of a node's processors

N = TypeVar("N", int, float)
D = TypeVar("D")


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
    """Where the page is served, where its things are kept, the model it opens with, who trains.

    ``executor`` is one of ``EXECUTORS``. ``runs_at_once`` None: as many as it thinks fit. A run on
    Ray takes ``ray_cpus`` processors and ``ray_gpus`` accelerators of a node.
    """

    host: str
    port: int
    home: Path
    model: str
    executor: str = "local"
    runs_at_once: int | None = None
    ray_address: str = ""
    ray_cpus: float = 1.0
    ray_gpus: float = 0.0

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ) -> Settings:
        """Reads ``GRADIO_SERVER_NAME``, ``GRADIO_SERVER_PORT`` and ``PLAYGROUND_…``, see README.

        Raises SettingsError, with the variable's name as ``field``, for what cannot be used.
        """
        executor = environ.get("PLAYGROUND_EXECUTOR", "").strip() or EXECUTORS[0]
        return cls(
            host=environ.get("GRADIO_SERVER_NAME", "").strip() or DEFAULT_HOST,
            port=_checked_port(
                environ.get("GRADIO_SERVER_PORT", "").strip() or str(DEFAULT_PORT),
                field="GRADIO_SERVER_PORT",
            ),
            home=home_folder(environ),
            model=environ.get("PLAYGROUND_MODEL", "").strip() or DEFAULT_MODEL,
            executor=_checked_executor(executor),
            runs_at_once=_number(environ, "PLAYGROUND_RUNS_AT_ONCE", int, 1, None),
            ray_address=environ.get("PLAYGROUND_RAY_ADDRESS", "").strip(),
            ray_cpus=_number(environ, "PLAYGROUND_RAY_CPUS", float, 0.1, 1.0),
            ray_gpus=_number(environ, "PLAYGROUND_RAY_GPUS", float, 0, 0.0),
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
            "PLAYGROUND_EXECUTOR": given.executor,
            "PLAYGROUND_RUNS_AT_ONCE": given.runs_at_once,
            "PLAYGROUND_RAY_ADDRESS": given.ray_address,
            "PLAYGROUND_RAY_CPUS": given.ray_cpus,
            "PLAYGROUND_RAY_GPUS": given.ray_gpus,
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
    parser.add_argument(
        "--executor",
        help="where runs train: local, or ray for a cluster (PLAYGROUND_EXECUTOR; default local)",
    )
    parser.add_argument(
        "--runs-at-once",
        help="runs that train at a time (PLAYGROUND_RUNS_AT_ONCE; default: 2, or as many as the "
        "cluster has room for)",
    )
    parser.add_argument(
        "--ray-address",
        help="host:port of the cluster's head, or local to start one here (PLAYGROUND_RAY_ADDRESS; "
        "default local)",
    )
    parser.add_argument(
        "--ray-cpus", help="processors that a run takes (PLAYGROUND_RAY_CPUS; default 1)"
    )
    parser.add_argument(
        "--ray-gpus", help="accelerators that a run takes (PLAYGROUND_RAY_GPUS; default 0)"
    )
    return parser


def _checked_executor(given: str) -> str:
    if given in EXECUTORS:
        return given
    raise SettingsError(
        f"There is no executor “{given}”. There are: {', '.join(EXECUTORS)}.",
        field="PLAYGROUND_EXECUTOR",
        code="settings.executor",
        value=given,
        executors=", ".join(EXECUTORS),
    )


def _number(
    environ: Mapping[str, str], field: str, kind: type[N], least: float, default: D
) -> N | D:
    """The number given as ``field``, from ``least`` to a thousand."""
    given = environ.get(field, "").strip()
    if not given:
        return default
    with contextlib.suppress(ValueError):
        number = kind(given)
        if least <= number <= MOST:
            return number
    raise SettingsError(
        f"{field} is “{given}”. Give a number from {least} to {MOST}.",
        field=field,
        code="settings.number",
        value=given,
        least=least,
        most=MOST,
    )


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
