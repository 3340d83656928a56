"""What a comparison has found: the log-probabilities of every template with every verbalizer.

Reading one needs no torch. In a folder it is ``comparison.json`` and ``comparison.safetensors``.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from playground.errors import RunError
from playground.tasks.metrics import measure

if TYPE_CHECKING:
    import pandas as pd

FORMAT = 1
_DESCRIPTION, _TENSORS = "comparison.json", "comparison.safetensors"


@dataclass(frozen=True)
class ComparisonResult:
    """Label log-probabilities, a cell for each template with each verbalizer.

    ``log_probabilities`` (templates, verbalizers, rows, labels) are raw, and NaN in rows that a
    cell has not come to. ``prior`` (templates, verbalizers, labels) is what calibration subtracts,
    zero where there is none. ``truth`` (rows,) holds the places of the rows' labels in ``labels``.
    ``templates`` and ``verbalizers`` are as in `ComparisonSettings`.

    After the templates comes their ensemble: by template number ``len(templates)`` it can be asked
    for like any of them. It holds the mean of their log-probabilities in the rows that all of them
    have come to (a product of experts: Hinton 2002, section 1).
    """

    templates: tuple[str, ...]
    verbalizers: tuple[Mapping[str, Any], ...]
    labels: tuple[str, ...]
    calibration: str
    log_probabilities: np.ndarray
    prior: np.ndarray
    truth: np.ndarray

    @property
    def ensemble(self) -> int:
        """The number that stands for the mean of all templates."""
        return len(self.templates)

    @property
    def calibrated(self) -> bool:
        return self.calibration != "none"

    def cell(self, template: int, verbalizer: int, *, calibrated: bool = False) -> np.ndarray:
        """Log-probabilities of one cell: (rows, labels), each row's up to a constant."""
        of_all = slice(None) if template == self.ensemble else slice(template, template + 1)
        found = self.log_probabilities[of_all, verbalizer]  # (templates, rows, labels)
        if calibrated:
            found = found - self.prior[of_all, verbalizer, None]
        return np.asarray(found.mean(0))

    def probabilities(
        self, template: int, verbalizer: int, *, calibrated: bool = False
    ) -> np.ndarray:
        """One cell's shares of the labels: (rows, labels), NaN in rows it has not come to."""
        values = self.cell(template, verbalizer, calibrated=calibrated).astype(np.float64)
        shares = np.exp(values - values.max(1, keepdims=True))
        return np.asarray(shares / shares.sum(1, keepdims=True))

    def done(self, template: int, verbalizer: int) -> np.ndarray:
        """Which rows a cell has come to: (rows,)."""
        return ~np.isnan(self.cell(template, verbalizer)[:, 0])

    def measure(self, template: int, verbalizer: int) -> dict[str, Any]:
        """The figures of one cell by the rows that it has come to, as in a comparison's events."""
        seen = self.done(template, verbalizer)
        count = int(seen.sum())
        done = count == len(seen)

        def figures(calibrated: bool) -> dict[str, Any] | None:
            if not count:
                return None
            values = self.cell(template, verbalizer, calibrated=calibrated)[seen]
            return measure(values, self.truth[seen], intervals=done)

        return {
            "template": template,
            "verbalizer": verbalizer,
            "count": count,
            "done": done,
            "raw": figures(False),
            "calibrated": figures(True) if self.calibrated else None,
        }

    def table(self) -> "pd.DataFrame":
        """One row a cell, with the template's source, the verbalizer's number and all figures.

        The ensemble's cells come last, where there are several templates.
        """
        import pandas as pd

        kinds = ("raw", "calibrated") if self.calibrated else ("raw",)
        rows = []
        for template in range(self.ensemble + (self.ensemble > 1)):
            for verbalizer in range(len(self.verbalizers)):
                cell = self.measure(template, verbalizer)
                name = "" if template == self.ensemble else self.templates[template]
                row = {
                    "template": name or "(ensemble)",
                    "verbalizer": verbalizer,
                    "count": cell["count"],
                }
                for kind in kinds:
                    before = "" if kind == "raw" else "calibrated_"
                    for figure, value in (cell[kind] or {}).items():
                        if figure != "confusion":
                            row[before + figure] = value
                rows.append(row)
        return pd.DataFrame(rows)

    def examples(
        self, template: int, verbalizer: int, *, calibrated: bool = False
    ) -> "pd.DataFrame":
        """Row by row: the true label, the prediction, and a probability a label.

        A row that the cell has not come to has no prediction.
        """
        import pandas as pd

        probabilities = self.probabilities(template, verbalizer, calibrated=calibrated)
        found = pd.DataFrame(probabilities, columns=list(self.labels))
        seen = self.done(template, verbalizer)
        best = np.where(seen, np.nan_to_num(probabilities).argmax(1), -1)
        names = (*self.labels, None)
        found.insert(0, "label", [self.labels[place] for place in self.truth])
        found.insert(1, "prediction", [names[place] for place in best])
        return found

    # ---- keeping -------------------------------------------------------------------------------

    def save(self, folder: Path) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        save_file(
            {
                "log_probabilities": np.ascontiguousarray(self.log_probabilities, np.float32),
                "calibration": np.ascontiguousarray(self.prior, np.float32),
                "truth": np.ascontiguousarray(self.truth, np.int64),
            },
            folder / _TENSORS,
        )
        description = {
            "format": FORMAT,
            "templates": list(self.templates),
            "verbalizers": list(self.verbalizers),
            "labels": list(self.labels),
            "calibration": self.calibration,
            "count": len(self.truth),
        }
        text = json.dumps(description, ensure_ascii=False, indent=2)
        (folder / _DESCRIPTION).write_text(text + "\n", encoding="utf-8")
        return folder


def read_comparison(folder: str | Path) -> ComparisonResult:
    """Reads what `ComparisonResult.save` wrote. Raises RunError where there is none."""
    try:
        text = (Path(folder) / _DESCRIPTION).read_text(encoding="utf-8")
        description = json.loads(text)
        if description["format"] != FORMAT:
            raise ValueError("another format")
        tensors = load_file(Path(folder) / _TENSORS)
        return ComparisonResult(
            templates=tuple(description["templates"]),
            verbalizers=tuple(description["verbalizers"]),
            labels=tuple(description["labels"]),
            calibration=description["calibration"],
            log_probabilities=tensors["log_probabilities"],
            prior=tensors["calibration"],
            truth=tensors["truth"],
        )
    except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
        raise RunError(
            f"“{folder}” holds no comparison that can be read here ({error}).",
            code="comparison.unreadable",
            folder=str(folder),
            reason=str(error),
        ) from error
