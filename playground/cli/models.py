"""``models``: the built-in models, read from their files without loading them."""

import argparse
import json
import math
from pathlib import Path

from safetensors import safe_open

from playground.cli.inputs import Commands
from playground.cli.output import print_table


def add(commands: Commands) -> None:
    about = "List the models that are part of the playground and need no network."
    command = commands.add_parser("models", help="list the built-in models", description=about)
    command.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    from playground.models.built_in import FOLDER, built_in_models

    models = [_described(FOLDER / name) for name in built_in_models()]
    print_table([("NAME", "KIND", "PARAMETERS", "SIZE"), *models])
    return 0


def _described(folder: Path) -> tuple[str, str, str, str]:
    """Name, kind, number of parameters and size on disk."""
    (architecture,) = json.loads((folder / "config.json").read_bytes())["architectures"]
    causal = architecture.endswith(("ForCausalLM", "LMHeadModel"))
    parameters = 0
    for file in folder.glob("*.safetensors"):
        with safe_open(file, "numpy") as tensors:
            shapes = [tensors.get_slice(name).get_shape() for name in tensors.keys()]  # noqa: SIM118
        parameters += sum(map(math.prod, shapes))
    size = sum(file.stat().st_size for file in folder.iterdir())
    kind = "causal" if causal else "masked"
    return folder.name, kind, f"{parameters:,}", f"{size / 1e6:.1f} MB"
