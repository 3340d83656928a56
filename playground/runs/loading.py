"""From what a run is asked to do to a training that can be walked through."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from playground.processors import SMALL, settle_threads
from playground.runs.folder import RunFolder, whole_folder
from playground.runs.spec import RunSpec
from playground.runs.training import Training

if TYPE_CHECKING:
    from playground.methods.pet import Pet
    from playground.methods.training import Training as MethodTraining
    from playground.models import LanguageModel
    from playground.prompts import Template, Verbalizer

_kept: "dict[object, LanguageModel]" = {}  # at most one


def language_model(name: str) -> "LanguageModel":
    """The model of that name as it is now.

    The last one is kept if it is small, as the next run may ask for it. A larger one is loaded
    anew, which is little beside its training, and not held by a worker that waits.
    """
    from playground.models import load_model

    version = (name, _files(name))
    model = _kept.get(version)
    if model is None:
        _kept.clear()
        model = load_model(name)
        if model.parameters <= SMALL:
            _kept[version] = model
    settle_threads(model.parameters)
    return model


def _files(name: str) -> tuple[object, ...]:
    """What tells a folder that was written anew from the one that was read; nothing for others."""
    folder = Path(name).expanduser()
    if not folder.is_dir():
        return ()
    known = ((file.name, file.stat()) for file in sorted(folder.iterdir()))
    return tuple((file, status.st_size, status.st_mtime_ns) for file, status in known)


def load(spec: RunSpec, folder: RunFolder) -> Training:
    """What ``spec`` describes, from its last checkpoint if there is one."""
    import torch

    torch.manual_seed(spec.seed)  # whatever the runs before it in this process have drawn
    training = _KINDS[spec.kind](spec, folder)
    checkpoint = whole_folder(folder.checkpoint)
    if checkpoint is not None:
        training.load_checkpoint(checkpoint)
    return training


def _training(spec: RunSpec, folder: RunFolder) -> "MethodTraining | Pet":
    from playground.methods import start

    rows = (folder.read_table("train"), folder.read_table("dev"))
    return start(*_prompt(spec), *rows, _settings(spec), **_tables(folder, "pinned", "unlabelled"))


def _measured(spec: RunSpec, folder: RunFolder) -> Training:
    """A training; one that has test rows is measured on them at its end."""
    from playground.methods.measured import MeasuredTraining

    training = _training(spec, folder)
    if not folder.table("test").exists():
        return training
    train, test = folder.read_table("train"), folder.read_table("test")
    return MeasuredTraining(training, train, test, spec.dataset)


def _timing(spec: RunSpec, folder: RunFolder) -> Training:
    from playground.methods.step_timing import StepTiming

    tables = (folder.read_table(name) for name in ("train", "dev", "test"))
    return StepTiming(_training(spec, folder), *tables)


def _learning_rate(spec: RunSpec, folder: RunFolder) -> Training:
    from playground.methods.learning_rate_finder import start_finder

    rows = folder.read_table("train")
    return start_finder(*_prompt(spec), rows, _settings(spec), **_tables(folder, "unlabelled"))


def _prompt(spec: RunSpec) -> "tuple[str, LanguageModel, Template, Verbalizer]":
    """The method, the model and the prompt that it begins with."""
    return spec.method, language_model(spec.model), spec.read_template(), spec.read_verbalizer()


def _settings(spec: RunSpec) -> dict[str, Any]:
    return {"seed": spec.seed, **spec.settings}


def _tables(folder: RunFolder, *names: str) -> dict[str, Any]:
    """Those of the tables that were given."""
    return {name: folder.read_table(name) for name in names if folder.table(name).exists()}


def _comparison(spec: RunSpec, folder: RunFolder) -> Training:
    from playground.methods.comparison import Comparison
    from playground.methods.comparison_settings import ComparisonSettings

    settings = ComparisonSettings.checked(_settings(spec))
    return Comparison(
        language_model(spec.model),
        settings.read_templates(),
        settings.read_verbalizers(),
        folder.read_table("rows"),
        train=folder.read_table("train"),
        demonstrations=settings.demonstrations,
        calibration=settings.calibration,
        seed=settings.seed,
    )


def _search(spec: RunSpec, folder: RunFolder) -> Training:
    from playground.methods.searches import start_search

    rows = (folder.read_table("train"), folder.read_table("dev"))
    return start_search(*_prompt(spec), *rows, _settings(spec))


_KINDS = {
    "training": _measured,
    "timing": _timing,
    "comparison": _comparison,
    "search": _search,
    "learning-rate": _learning_rate,
}
