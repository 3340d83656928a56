"""What can be asked of the inference process: each operation takes and gives plain JSON values.

``prompt`` is always the folder of a trained prompt, or None for the model as it is; a model is
named as for `playground.load_model`, a verbalizer is what `Verbalizer.to_json` made of it. What an
operation raises reaches whoever asked. What only some operations need is imported by them, so that
the first answer is there sooner.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from playground.inference.look import look
from playground.inference.side_by_side import side_by_side
from playground.methods.calibration import Calibration, domain_of
from playground.methods.zero_shot import answer_distribution, classify, distribution, iterate
from playground.models import LanguageModel, load_model
from playground.processors import settle_threads
from playground.prompts import Template, Truncation, Verbalizer
from playground.recently_used import RecentlyUsed

if TYPE_CHECKING:
    from playground.methods import TrainedPrompt

    _Asked = tuple[TrainedPrompt | None, LanguageModel]

MODELS_KEPT = 3
PROMPTS_KEPT = 16
CALIBRATIONS_KEPT = 64

Row = Mapping[str, object]


class Service:
    """Loads models and prompts at their first use. Safe to call from many threads."""

    def __init__(self) -> None:
        self._models = RecentlyUsed[LanguageModel](MODELS_KEPT)
        self._prompts = RecentlyUsed["TrainedPrompt"](PROMPTS_KEPT)
        self._calibrations = RecentlyUsed[Calibration](CALIBRATIONS_KEPT)

    def operations(self) -> dict[str, Any]:
        """Each operation by its name."""
        return {
            operation.__name__: operation
            for operation in (
                self.warm_up,
                self.look,
                self.answer_distribution,
                self.classify,
                self.cost,
                self.carried_by,
                self.export_peft,
                self.import_peft,
                self.nearby_words,
                self.side_by_side,
            )
        }

    def warm_up(self, model: str) -> None:
        """Loads a model and makes its first forward pass, which is slow. Raises ModelError."""
        look(self._model(model), Template("[MASK]"), {}, None, top_k=1)

    def look(
        self,
        model: str,
        template: str,
        row: Row,
        verbalizer: str | None,
        top_k: int,
        prompt: str | None,
        calibration: str = "none",
        truncation: Truncation = "balanced",
    ) -> dict[str, Any]:
        """As `playground.inference.look.look`, which see. Raises ModelError.

        ``calibration``: "none", "contextual" or "domain", kept by prompt.
        """
        trained, asked = self._asked(model, prompt)
        read = Template(template, truncation=truncation)
        words = None if verbalizer is None else Verbalizer.from_json(verbalizer)

        def measure() -> Calibration:
            assert words is not None
            if calibration == "domain":
                return Calibration.domain_conditional(asked, domain_of(read), words)
            vectors = None if trained is None else trained.vectors_for(read)
            return Calibration.contextual(asked, read, words, soft_vectors=vectors)

        key = json.dumps([calibration, prompt, model, template, truncation, verbalizer])
        return look(
            asked,
            read,
            row,
            words,
            top_k=top_k,
            prompt=trained,
            calibrate=None
            if calibration == "none"
            else lambda: self._calibrations.get(key, measure),
        )

    def answer_distribution(
        self, model: str, template: str, row: Row, top_k: int, prompt: str | None
    ) -> list[dict[str, Any]]:
        """The rows of `playground.answer_distribution`."""
        trained, asked = self._asked(model, prompt)
        read = Template(template)
        if trained is None:
            found = answer_distribution(asked, read, row, top_k=top_k)
        else:
            found = distribution(asked, trained.encode(read, row), top_k, trained.vectors)
        return list(iterate(found))

    def classify(
        self,
        model: str,
        template: str,
        verbalizer: str | None,
        rows: Sequence[Row],
        prompt: str | None,
    ) -> list[dict[str, Any]]:
        """The rows of `playground.classify`; a trained prompt has its own verbalizer."""
        trained, asked = self._asked(model, prompt)
        if trained is not None:
            return list(iterate(trained.classify(rows)))
        assert verbalizer is not None
        words = Verbalizer.from_json(verbalizer)
        return list(iterate(classify(asked, Template(template), words, rows)))

    def side_by_side(
        self,
        model: str,
        templates: Sequence[str],
        truncation: Truncation,
        verbalizers: Sequence[str],
        row: Row,
    ) -> list[list[dict[str, Any]]]:
        """As `playground.inference.side_by_side.side_by_side`, which see. Raises ModelError."""
        return side_by_side(
            self._model(model),
            [Template(template, truncation=truncation) for template in templates],
            list(map(Verbalizer.from_json, verbalizers)),
            row,
        )

    def nearby_words(
        self,
        model: str,
        template: str,
        verbalizer: str,
        rows: Sequence[Row],
        count: int,
        prompt: str | None,
    ) -> list[dict[str, Any]]:
        """The rows of `playground.methods.widening.nearby_words`."""
        from playground.methods import nearby_words

        trained, asked = self._asked(model, prompt)
        read = Template(template)
        found = nearby_words(
            asked,
            read,
            Verbalizer.from_json(verbalizer),
            rows,
            count=count,
            soft_vectors=None if trained is None else trained.vectors_for(read),
        )
        return list(iterate(found))

    def cost(
        self,
        method: str,
        model: str,
        template: str,
        verbalizer: str,
        settings: dict[str, Any],
        truncation: Truncation = "balanced",
    ) -> dict[str, Any]:
        """What a training would learn and leave behind, without starting it.

        ``template``: with its soft slots; ``trainable`` and ``total``: numbers of parameters;
        ``bytes``: size of the saved prompt. Raises what the training's start would raise.
        """
        from playground.methods.registry import method as find_method

        chosen = find_method(method)
        learner = chosen.learner(
            self._model(model),
            Template(template, truncation=truncation),
            Verbalizer.from_json(verbalizer),
            chosen.settings.checked(settings),
        )
        return {
            "template": str(learner.template),
            "trainable": learner.trainable(),
            "total": learner.base_model.parameters,
            "bytes": 4 * learner.kept(),
        }

    def carried_by(self, prompt: str) -> dict[str, Any]:
        """What a trained prompt brings along, once it is loaded and fits its model.

        The verbalizer is as `Verbalizer.to_json` writes it.
        """
        trained = self._prompt(prompt)
        assert trained is not None
        return {
            "model": trained.model.name,
            "template": str(trained.template),
            "truncation": trained.template.truncation,
            "verbalizer": trained.verbalizer.to_json(),
        }

    def export_peft(self, prompt: str, folder: str) -> None:
        """Writes a prompt's adapter for PEFT into ``folder``. Raises ModelError."""
        trained = self._prompt(prompt)
        assert trained is not None
        trained.export_peft(folder)

    def import_peft(
        self,
        adapter: str,
        folder: str,
        model: str,
        template: str,
        verbalizer: str,
        truncation: Truncation = "balanced",
    ) -> None:
        """Writes a trained prompt of PEFT's ``adapter`` into ``folder``: these know no words.

        Raises as `TrainedPrompt.from_peft` does.
        """
        from playground.methods import TrainedPrompt

        TrainedPrompt.from_peft(
            adapter,
            self._model(model),
            Template(template, truncation=truncation),
            Verbalizer.from_json(verbalizer),
        ).save(folder)

    def _asked(self, model: str, prompt: str | None) -> "_Asked":
        """The trained prompt, if one is named, and the model to ask: its own before any other."""
        trained = self._prompt(prompt)
        return trained, self._model(model) if trained is None else trained.model

    def _model(self, name: str) -> LanguageModel:
        def load() -> LanguageModel:
            model = load_model(name)
            settle_threads(model.parameters)
            return model

        return self._models.get(name, load)

    def _prompt(self, folder: str | None) -> "TrainedPrompt | None":
        if folder is None:
            return None
        from playground.methods import TrainedPrompt

        description = TrainedPrompt.describe(folder)
        # a resumed run overwrites its prompt: the step is part of what is remembered
        key = f"{Path(folder)}@{description['step']}"
        return self._prompts.get(
            key, lambda: TrainedPrompt.load(folder, self._model(description["model"]))
        )
