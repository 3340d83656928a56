"""What a training leaves behind: a prompt that is usable wherever a written one is."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import pandas as pd
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from playground.errors import ModelError, PlaygroundError, VerbalizerError
from playground.methods.calibration import Calibration
from playground.methods.demonstrated import DemonstratedReader, Demonstrator
from playground.methods.zero_shot import (
    Rows,
    classify,
    distribution,
    iterate,
    label_table,
)
from playground.models import (
    Encoded,
    LabelHead,
    LabelVectors,
    LanguageModel,
    LinearHead,
    LoraModel,
    PrefixedModel,
    Prototypes,
)
from playground.prompts import Template, Verbalizer

FORMAT = 1
_TENSORS, _DESCRIPTION = "prompt.safetensors", "prompt.json"
_VECTORS, _PREFIX, _LORA = "soft_vectors", "deep_prefix", "lora."
_NETWORK, _HEAD = "network.", "head."
_HEADS = {head.kind: head for head in (LinearHead, LabelVectors, Prototypes)}
_ENTRIES = (
    *("method", "model", "embedding", "vocabulary", "fingerprint", "template", "verbalizer"),
    *("step", "tunes_model", "settings"),
)


@dataclass
class TrainedPrompt:
    """A template, a verbalizer and what was trained for them.

    ``vectors`` (vectors, embedding) stand in the template's soft slots; ``model`` is the language
    model they were trained with, its weights changed if ``tunes_model``, or with a prefix in its
    layers, or low-rank matrices. With a ``head`` the labels come from it, and template and words
    serve the answer distribution. With a ``demonstrator`` labelled examples are shown beside every
    text: they are rows of the table that it was trained on, and a saved prompt holds them.
    """

    method: str
    model: LanguageModel
    template: Template
    verbalizer: Verbalizer
    vectors: Tensor | None
    tunes_model: bool = False
    step: int = 0
    settings: dict[str, Any] = field(default_factory=dict)
    head: LabelHead | None = None
    demonstrator: Demonstrator | None = None

    def answer_distribution(self, row: Mapping[str, object], *, top_k: int = 10) -> pd.DataFrame:
        """As `playground.answer_distribution`, with what was trained."""
        return distribution(self.model, self.encode(self.template, row), top_k, self.vectors)

    def encode(self, template: Template, row: Mapping[str, object]) -> Sequence[Encoded]:
        """What is read for a row: itself, or itself beside each set of its demonstrations.

        There are demonstrations for any ``template`` with the columns that the examples have.
        Raises as `LanguageModel.encode` does, and DataError where a label has no example but this.
        """
        if self.demonstrator is None or not self.demonstrator.suits(template):
            return self.model.encode(template, [row])
        reader = DemonstratedReader(template, self.verbalizer, self.demonstrator)
        return reader.demonstrated(self.model, [row])[0].sets

    def classify(self, rows: Rows, *, calibration: Calibration | None = None) -> pd.DataFrame:
        """As `playground.classify`, with what was trained.

        Raises VerbalizerError where a calibration is given for labels that come from a head, or
        beside demonstrations.
        """
        if self.head is not None:
            if calibration is not None:
                raise VerbalizerError(
                    "This prompt reads its labels off a trained head, not off words, so there is "
                    "no taste for words to take out. Leave the calibration out.",
                    code="calibration.no_words",
                )
            texts = list(iterate(rows))
            scores = self.head.score_rows(self.model, texts, soft_vectors=self.vectors)
            return label_table(scores, self.verbalizer.labels)
        if self.demonstrator is not None:
            if calibration is not None:
                raise VerbalizerError(
                    "This prompt shows examples beside each text, and a calibration is measured "
                    "without them. Leave it out.",
                    code="calibration.demonstrations",
                )
            reader = DemonstratedReader(self.template, self.verbalizer, self.demonstrator)
            scores = reader.score_rows(self.model, list(iterate(rows)), self.vectors)
            return label_table(scores, self.verbalizer.labels)
        return classify(
            self.model,
            self.template,
            self.verbalizer,
            rows,
            soft_vectors=self.vectors,
            calibration=calibration,
        )

    def decides(self, labels: Sequence[str]) -> bool:
        """Whether these labels come from its head, not from words."""
        return self.head is not None and tuple(labels) == self.verbalizer.labels

    def vectors_for(self, template: Template) -> Tensor | None:
        """The vectors, if ``template`` still has the soft slots for them, else None."""
        slots = self.model.soft_layout(template).vectors
        return self.vectors if self.vectors is not None and len(self.vectors) == slots else None

    def save(self, folder: str | Path) -> Path:
        """Writes ``prompt.json`` and ``prompt.safetensors`` into ``folder`` and returns it.

        With a ``demonstrator`` the first holds rows of the table: think of whom they are about
        before you pass it on.
        """
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        tensors: dict[str, Tensor] = {}
        if self.vectors is not None:
            tensors[_VECTORS] = self.vectors.detach().float().cpu().contiguous()
        if isinstance(self.model, PrefixedModel):
            tensors[_PREFIX] = self.model.prefix.detach().float().cpu().contiguous()
        if isinstance(self.model, LoraModel):
            for name, value in self.model.matrices().items():
                tensors[_LORA + name] = value.detach().float().cpu().contiguous()
        if self.tunes_model:
            # the named parameters list tied weights once, which safetensors insists on
            for name, value in self.model.network.named_parameters():
                tensors[_NETWORK + name] = value.detach().cpu().contiguous()
        if self.head is not None:
            for name, value in self.head.state_dict().items():
                tensors[_HEAD + name] = value.detach().cpu().contiguous()
        save_file(tensors, folder / _TENSORS)
        description = {
            "format": FORMAT,
            "method": self.method,
            "model": self.model.name,
            "embedding": self.model.embedding_weight.shape[1],
            "vocabulary": self.model.embedding_weight.shape[0],
            # trained weights replace the model's own, whatever those are
            "fingerprint": None if self.tunes_model else fingerprint(self.model),
            "template": str(self.template),
            "truncation": self.template.truncation,
            "verbalizer": json.loads(self.verbalizer.to_json()),
            "step": self.step,
            "tunes_model": self.tunes_model,
            "lora": self.model.shape if isinstance(self.model, LoraModel) else None,
            "head": None if self.head is None else self.head.described(),
            "settings": self.settings,
            "demonstrations": None if self.demonstrator is None else self.demonstrator.to_json(),
            # for whoever shows the prompt without loading its model
            "peft_refusal": None if (refusal := self.peft_refusal) is None else refusal.to_json(),
        }
        text = json.dumps(description, ensure_ascii=False, indent=2)
        (folder / _DESCRIPTION).write_text(text + "\n", encoding="utf-8")
        return folder

    @property
    def peft_refusal(self) -> ModelError | None:
        """Why PEFT cannot express this prompt; None where `export_peft` can write it."""
        from playground.methods.peft_adapter import check_expressible

        try:
            check_expressible(self)
        except ModelError as error:
            return error
        return None

    def export_peft(self, folder: str | Path) -> Path:
        """As an adapter of PEFT: see `playground.methods.peft_adapter.export_peft`."""
        from playground.methods.peft_adapter import export_peft

        return export_peft(self, folder)

    @staticmethod
    def from_peft(
        folder: str | Path, model: LanguageModel, template: Template, verbalizer: Verbalizer
    ) -> "TrainedPrompt":
        """Of an adapter of PEFT: see `playground.methods.peft_adapter.load_peft`."""
        from playground.methods.peft_adapter import load_peft

        return load_peft(folder, model, template, verbalizer)

    @staticmethod
    def describe(folder: str | Path) -> dict[str, Any]:
        """What ``prompt.json`` says, without the tensors. Raises ModelError if there is none."""
        try:
            text = (Path(folder) / _DESCRIPTION).read_text(encoding="utf-8")
            description = json.loads(text)
            if not isinstance(description, dict) or description.get("format") != FORMAT:
                raise ValueError("another format")
            for entry in _ENTRIES:
                if entry not in description:
                    raise ValueError(f"no {entry}")
            return description
        except (OSError, ValueError) as error:
            raise _unreadable(folder, error) from error

    @classmethod
    def load(cls, folder: str | Path, model: LanguageModel) -> Self:
        """Reads what `save` wrote, for the model that it was trained with.

        Raises ModelError where there is no such prompt, or where ``model`` is another one.
        """
        description = cls.describe(folder)
        _require_same_model(description, model)
        try:
            shown = description.get("demonstrations")  # which prompts saved before did not know
            demonstrator = None if shown is None else Demonstrator.from_json(model, shown)
            tensors = load_file(Path(folder) / _TENSORS)
            truncation = description.get("truncation", "balanced")  # of prompts saved before
            template = Template(description["template"], truncation=truncation)
            vectors = tensors.pop(_VECTORS, None)
            if model.soft_layout(template).vectors != (0 if vectors is None else len(vectors)):
                raise ValueError("not as many vectors as soft slots")
            prefix = tensors.pop(_PREFIX, None)
            if prefix is not None:
                model = PrefixedModel(model, prefix.to(model.device))
            matrices = _under(_LORA, tensors)
            if matrices or description.get("lora"):
                model = LoraModel(model, **description["lora"])
                model.load(matrices)
            if description["tunes_model"]:
                model = with_weights(model, _under(_NETWORK, tensors))
            verbalizer = Verbalizer.from_json(json.dumps(description["verbalizer"]))
            head = _head(description, model, template, verbalizer, _under(_HEAD, tensors))
            return cls(
                method=description["method"],
                model=model,
                template=template,
                verbalizer=verbalizer,
                vectors=None if vectors is None else vectors.to(model.device),
                tunes_model=description["tunes_model"],
                step=description["step"],
                settings=description["settings"],
                head=head,
                demonstrator=demonstrator,
            )
        except (
            *(OSError, ValueError, KeyError, TypeError, RuntimeError),
            *(SafetensorError, PlaygroundError),
        ) as error:
            raise _unreadable(folder, error) from error


def with_weights(model: LanguageModel, weights: Mapping[str, Tensor]) -> LanguageModel:
    """A frozen copy of the model, in float32, with these weights in place of its own."""
    copy = model.trainable_copy()
    with torch.no_grad():
        for name, parameter in copy.network.named_parameters():
            parameter.copy_(weights[name])
            parameter.requires_grad_(False)
    return copy


def _under(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Those of the tensors whose names begin so, without that beginning."""
    return {
        name.removeprefix(prefix): value
        for name, value in tensors.items()
        if name.startswith(prefix)
    }


def _head(
    description: Mapping[str, Any],
    model: LanguageModel,
    template: Template,
    verbalizer: Verbalizer,
    weights: Mapping[str, Tensor],
) -> LabelHead | None:
    described = description.get("head")
    if not weights and not described:
        return None
    # prompts saved before there was a choice have linear heads
    sizes = dict(described or {"kind": LinearHead.kind})
    head = _HEADS[sizes.pop("kind")](model, template, len(verbalizer.labels), **sizes)
    head.load_state_dict(weights)
    return head.requires_grad_(False)


def fingerprint(model: LanguageModel) -> str:
    """Tells models of one shape apart by their embeddings, the same in every precision."""
    weight = model.embedding_weight.detach().to(torch.bfloat16).cpu().contiguous()
    return hashlib.blake2b(weight.view(torch.int16).numpy().tobytes(), digest_size=16).hexdigest()


def _require_same_model(description: Mapping[str, Any], model: LanguageModel) -> None:
    same_shape = (description["vocabulary"], description["embedding"]) == tuple(
        model.embedding_weight.shape
    )
    trained_with = description["fingerprint"]
    if not same_shape or (trained_with is not None and trained_with != fingerprint(model)):
        raise ModelError(
            f"This prompt was trained with {description['model']} and does not fit "
            f"{model.name}: what was trained belongs to the model that it was trained with.",
            code="prompt.other_model",
            trained_with=description["model"],
            model=model.name,
        )


def _unreadable(folder: str | Path, error: Exception) -> ModelError:
    return ModelError(
        f"“{folder}” holds no trained prompt that can be read here ({error}).",
        code="prompt.unreadable",
        folder=str(folder),
        reason=str(error),
    )
