"""In what several runs differ."""

from collections.abc import Sequence
from typing import Any

from playground.runs.run import Run

_SAID_OTHERWISE = {"settings", "verbalizer_settings"}  # one by one, under their own names
_NOT_ASKED = {"name", "group", "colours"}  # what changes nothing of what comes out


def differences(runs: Sequence[Run]) -> dict[str, list[Any]]:
    """The settings that are not the same in all of ``runs``: name to one value a run.

    None stands where a run has no such setting.
    """
    told = [_flat(run) for run in runs]
    names = dict.fromkeys(name for each in told for name in each)
    values = {name: [each.get(name) for each in told] for name in names}
    return {name: each for name, each in values.items() if any(one != each[0] for one in each)}


def _flat(run: Run) -> dict[str, Any]:
    spec = run.spec.model_dump(mode="json", exclude=_SAID_OTHERWISE | _NOT_ASKED)
    return {**spec, **run.spec.verbalizer_settings, **run.spec.settings}
