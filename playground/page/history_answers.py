"""What the Runs tab's widget asks while a person looks through the runs, as plain objects.

Each question is an object of the browser's with a ``language``. An answer to what cannot be done
is ``{"error": sentence}``.
"""

from collections.abc import Callable, Mapping
from typing import Any

from playground.errors import PlaygroundError
from playground.page.setting_texts import method_text, setting_name, setting_text
from playground.page.text import catalogue, explain, say
from playground.runs import Entry, Filter, Group, Run, Runs, read_curve, settings_of
from playground.runs.run import WORKING
from playground.studies import Studies

MOST_ROWS = 200  # an answer has
MOST_CURVES = 12  # entries that are laid over each other
_WANTED = ("kind", "method", "dataset", "model", "study", "state", "tag")
NO_STUDY = "-"  # among the studies to filter by: runs that are of none
# Which split of the events shows a run of each kind learning; a comparison does not learn.
_LEARNING = {"training": "train", "learning-rate": "train", "search": "search"}

Asked = Mapping[str, Any]
Answer = dict[str, Any]


class HistoryAnswers:
    """Safe for several threads, as ``runs`` and ``studies`` are."""

    def __init__(self, runs: Runs, studies: Studies) -> None:
        self.runs = runs
        self.history = runs.history
        self.studies = studies

    # ---- finding -------------------------------------------------------------------------------

    def find(self, asked: Asked) -> Answer:
        """``rows`` that are so, the newest first, after the entry ``before``; is there ``more``?

        A row is a plain object of what the table says of an entry.
        """
        limit = max(1, min(MOST_ROWS, int(asked.get("limit", 50))))
        found = self.runs.search(_filter(asked), asked.get("before") or None, limit + 1)
        rows = [self._row(entry, asked["language"]) for entry in found[:limit]]
        return {"rows": rows, "more": len(found) > limit}

    def count(self, asked: Asked) -> Answer:
        """How many entries are so (``found``), are kept (``all``) and can be restored
        (``deleted``), and the ``choices``: for each filter its values as [value, text].
        """
        language = asked["language"]
        wanted = _filter(asked)
        choices = self.history.choices()
        if choices["study"]:
            choices["study"].insert(0, NO_STUDY)
        every = self.history.count()
        return {
            "found": every if wanted == Filter() else self.history.count(wanted),
            "all": every,
            "deleted": self.history.count(Filter(deleted=True)),
            "choices": {
                name: [[value, self._choice(name, value, language)] for value in values]
                for name, values in choices.items()
            },
        }

    def disk(self, asked: Asked) -> Answer:
        """The ``bytes`` that all runs take, deleted ones too."""
        return {"bytes": self.history.all_bytes()}

    # ---- changing ------------------------------------------------------------------------------

    def change(self, asked: Asked) -> Answer:
        """Does one thing (``what``) to the entry ``run``, with a ``value`` where it takes one.

        Answers its ``row`` as it is then, None once it is forgotten for good.
        """
        run_id, what, value = str(asked["run"]), asked["what"], asked.get("value")
        do: dict[str, Callable[[], object]] = {
            "rename": lambda: self.history.rename(run_id, str(value)),
            "note": lambda: self.history.set_note(run_id, str(value)),
            "tags": lambda: self.history.set_tags(run_id, [str(tag) for tag in value or ()]),
            "delete": lambda: self.runs.delete(run_id),
            "restore": lambda: self.history.restore(run_id),
            "purge": lambda: self.history.purge(run_id),
        }
        try:
            do[what]()
            row = None if what == "purge" else self._row_of(run_id, asked["language"])
        except PlaygroundError as error:
            return {"error": explain(error, asked["language"])}
        return {"row": row}

    # ---- comparing -----------------------------------------------------------------------------

    def curves(self, asked: Asked) -> Answer:
        """The curves of the entries that ``runs`` names, each with its row as it is now.

        ``seen`` says for a run and a split which stride and which last step the browser has:
        only what came after that is told. An entry that is gone is left out.
        """
        told = []
        for run_id in asked["runs"][:MOST_CURVES]:
            try:
                entry = self._entry(str(run_id))
            except PlaygroundError:
                continue
            row = self._row(entry, asked["language"])
            seen = asked.get("seen") or {}
            told.append({"row": row, "curves": self._curves(entry, seen)})
        return {"entries": told}

    def settings(self, asked: Asked) -> Answer:
        """What was set for the entries that ``runs`` names: ``rows`` of a name, a ``text`` for each
        of the ``ids``, and whether all are the ``same``.
        """
        entries = []
        for run_id in asked["runs"][:MOST_CURVES]:
            try:
                entries.append(self.history.entry(str(run_id)))
            except PlaygroundError:
                continue
        language = asked["language"]
        rows = [
            {
                "name": setting_name(name, language),
                "texts": [setting_text(name, value, language) for value in values],
                "same": all(value == values[0] for value in values),
            }
            for name, values in settings_of([entry.standing for entry in entries]).items()
        ]
        return {"ids": [entry.id for entry in entries], "rows": rows}

    # ---- parts ---------------------------------------------------------------------------------

    def _choice(self, name: str, value: str, language: str) -> str:
        """A filter's value in words."""
        if name == "method":
            return method_text(value, language)
        if name == "state":
            return say(f"run.state.{value}", language)
        if name == "kind":
            return catalogue(language).get(f"history.kind.{value}", value)
        if name == "study":
            return self._study(value, language)
        return value

    def _study(self, value: str, language: str) -> str:
        if value == NO_STUDY:
            return say("history.no_study", language)
        try:
            return self.studies.store.get(value).name or value
        except PlaygroundError:  # its runs have outlived it, or were imported
            return value

    def _entry(self, run_id: str) -> Entry:
        entry = self.history.entry(run_id)
        if any(run.state in WORKING for run in entry.runs):
            self.runs.standing(run_id)  # finds out if the worker is gone
            entry = self.history.entry(run_id)
        return entry

    def _row_of(self, run_id: str, language: str) -> Answer:
        return self._row(self._entry(run_id), language)

    def _row(self, entry: Entry, language: str) -> Answer:
        standing, spec = entry.standing, entry.runs[0].spec
        group = isinstance(standing, Group)
        return {
            "id": entry.id,
            "kind": spec.kind,
            "name": standing.name,
            "state": standing.state,
            "reason": self._reason(entry, language),
            "step": standing.step,
            "steps": standing.steps,
            "method": method_text(spec.method, language),
            "dataset": spec.dataset,
            "model": spec.model,
            "shots": spec.shots,
            "seed": None if group else spec.seed,
            "accuracies": self._accuracies(standing),
            "created": entry.runs[0].created,
            "bytes": self.history.bytes_of(entry.id),
            "note": entry.note,
            "tags": entry.tags,
            "deleted": entry.deleted,
            "members": [self._member(run, at) for run, at in zip(*_members(standing), strict=True)],
        }

    def _accuracies(self, standing: Run | Group) -> list[float]:
        """Of each run on its dev rows, as far as it is known."""
        if isinstance(standing, Group):
            found = standing.accuracies
        else:
            seen = self.history.store.measured(standing.id)
            found = [None if seen is None else seen.get("accuracy")]
        return [accuracy for accuracy in found if accuracy is not None]

    def _member(self, run: Run, accuracy: float | None) -> Answer:
        size = self.history.store.folder(run.id).bytes
        told = {"id": run.id, "seed": run.spec.seed, "state": run.state, "bytes": size}
        return {**told, "accuracy": accuracy}

    def _reason(self, entry: Entry, language: str) -> str:
        """Why it failed or was interrupted; of a group that of the first that has a reason."""
        told = next((run for run in entry.runs if run.reason), None)
        return "" if told is None else explain(told.error, language)

    def _curves(self, entry: Entry, seen: Mapping[str, Any]) -> list[Answer]:
        """For each of its runs what it learned from and what dev says of it."""
        learning = _LEARNING.get(entry.runs[0].spec.kind)
        if learning is None:
            return []
        steps = max(run.steps for run in entry.runs)
        told = []
        for run in entry.runs:
            answer: Answer = {"run": run.id, "seed": run.spec.seed, "steps": steps}
            for name, split in (("train", learning), ("dev", "dev")):
                known = (seen.get(run.id) or {}).get(name)
                after = None if known is None else (int(known[0]), int(known[1]))
                curve = read_curve(self.history.store, run.id, split, steps, after)
                answer[name] = {"stride": curve.stride, "points": curve.points}
            told.append(answer)
        return told


def _members(standing: Run | Group) -> tuple[tuple[Run, ...], list[float | None]]:
    """The runs of a group and what dev says of them; a run alone has no members."""
    return (standing.runs, standing.accuracies) if isinstance(standing, Group) else ((), [])


def _filter(asked: Asked) -> Filter:
    given = {name: str(asked[name]) for name in _WANTED if asked.get(name)}
    if given.get("study") == NO_STUDY:
        given["study"] = ""
    return Filter(
        text=str(asked.get("text") or "")[:200],
        deleted=bool(asked.get("deleted")),
        **given,  # type: ignore[arg-type]
    )
