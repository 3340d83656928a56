"""The models that are part of the playground and need no network."""

from pathlib import Path

FOLDER = Path(__file__).resolve().parents[2] / "assets" / "models"


def built_in_models() -> tuple[str, ...]:
    """Their names; each is a folder in ``assets/models``."""
    return tuple(sorted(path.parent.name for path in FOLDER.glob("*/config.json")))
