"""In what several runs differ."""

from collections.abc import Sequence
from typing import Any

from playground.runs.group import Group
from playground.runs.run import Run

_SAID_OTHERWISE = {"settings", "verbalizer_settings"}  # one by one, under their own names
_NOT_ASKED = {"name", "group", "study", "colours"}  # what changes nothing of what comes out


def settings_of(standings: Sequence[Run | Group]) -> dict[str, list[Any]]:
    """All that was set for ``standings``: name to one value a run or a group.

    None stands where one has no such setting, and of a group a list of what its runs have where
    that is not the same.
    """
    told = [_flat_group(at) if isinstance(at, Group) else _flat(at) for at in standings]
    names = dict.fromkeys(name for each in told for name in each)
    return {name: [each.get(name) for each in told] for name in names}


def differences(standings: Sequence[Run | Group]) -> dict[str, list[Any]]:
    """Those of `settings_of` that are not the same in all of them."""
    values = settings_of(standings)
    return {name: each for name, each in values.items() if any(one != each[0] for one in each)}


def _flat(run: Run) -> dict[str, Any]:
    spec = run.spec.model_dump(mode="json", exclude=_SAID_OTHERWISE | _NOT_ASKED)
    return {**spec, **run.spec.verbalizer_settings, **run.spec.settings}


def _flat_group(group: Group) -> dict[str, Any]:
    return {
        name: values[0] if all(value == values[0] for value in values) else values
        for name, values in settings_of(group.runs).items()
    }
