"""The zip files in which prompts leave the page and come back."""

import shutil
import tempfile
import zipfile
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from playground.errors import ModelError

PROMPT_FILES = ("prompt.json", "prompt.safetensors")
ADAPTER_FILES = ("adapter_config.json", "adapter_model.safetensors")
_MOST_BYTES = 2_000_000_000


def packed(folder: Path, names: Iterable[str], stem: str) -> str:
    """A zip file, called ``stem``, of these files of the folder."""
    target = Path(tempfile.mkdtemp()) / f"{stem}.zip"
    with zipfile.ZipFile(target, "w") as archive:
        for name in names:
            archive.write(folder / name, name)
    return str(target)


def unpacked(archive: Path, folder: Path) -> tuple[str, ...]:
    """Writes the two files of a prompt or of an adapter into ``folder`` and returns their names.

    Nothing else that the archive holds is looked at, but they may lie in a folder there. Raises
    ModelError where they are missing or too large.
    """
    try:
        with zipfile.ZipFile(archive) as opened:
            # the outermost of a name comes last and counts: a training's checkpoints lie deeper
            entries = sorted(opened.infolist(), key=lambda at: -at.filename.count("/"))
            held = {PurePosixPath(entry.filename).name: entry for entry in entries}
            names = PROMPT_FILES if PROMPT_FILES[0] in held else ADAPTER_FILES
            for name in names:
                if held[name].file_size > _MOST_BYTES:
                    raise ValueError(f"{name} is too large")
                with opened.open(held[name]) as source, (folder / name).open("wb") as target:
                    shutil.copyfileobj(source, target)
            return names
    except (zipfile.BadZipFile, KeyError, ValueError, OSError) as error:
        raise ModelError(
            "This file is not a saved prompt: it needs prompt.json and prompt.safetensors, or "
            "those of a PEFT adapter: adapter_config.json and adapter_model.safetensors.",
            code="prompt.bad_archive",
        ) from error
