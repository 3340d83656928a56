"""A pretrained language model, asked only for what stands at the answer slots."""

import copy
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from playground.errors import ModelError
from playground.models import packed
from playground.models.encoded import Encoded, SoftLayout
from playground.models.encoding import Encoder
from playground.models.families import FAMILIES, Family, first_position
from playground.models.label_reader import LabelReader
from playground.models.shared_prefix import SharedPrefix
from playground.processors import batch_rows
from playground.prompts import Template, Verbalizer


class LanguageModel:
    """A masked or causal language model behind the few calls that prompting needs.

    ``kind`` is ``"masked"`` or ``"causal"``; ``precision`` is the type the network computes in.
    Make one with `playground.load_model`.
    """

    # What every layer attends to before the text, see `PrefixedModel`, and the attention that has
    # nothing else in it, by transformers' name.
    prefix: Tensor | None = None
    attention = "eager"

    def __init__(self, name: str, network: Any, tokenizer: Any, *, causal: bool) -> None:
        self.name = name
        self.network = network
        self.tokenizer = tokenizer
        self.kind = "causal" if causal else "masked"
        self.max_length = _longest_input(network, tokenizer)
        self.encoder = Encoder(
            tokenizer,
            causal=causal,
            max_length=self.max_length,
            token_types=getattr(network.config, "type_vocab_size", 0) or 0,
        )
        self._family = FAMILIES.get(network.config.model_type)
        self._token_texts: dict[int, str] = {}
        self._exact_of: Tensor | None = None
        self._exact_copy = torch.empty(0)
        pad = tokenizer.pad_token_id
        self._pad_id = int(pad) if pad is not None else self.encoder.placeholder_id

    @property
    def device(self) -> torch.device:
        return self.embedding_weight.device

    @property
    def precision(self) -> torch.dtype:
        return self.embedding_weight.dtype

    @property
    def embedding_weight(self) -> Tensor:
        """The input embeddings: (vocabulary, embedding)."""
        weight: Tensor = self.network.get_input_embeddings().weight
        return weight

    @cached_property
    def parameters(self) -> int:
        return sum(parameter.numel() for parameter in self.network.parameters())

    # ---- text to ids ---------------------------------------------------------------------------

    def encode(
        self,
        template: Template,
        rows: Sequence[Mapping[str, object]],
        *,
        answer_tokens: int = 1,
    ) -> list[Encoded]:
        """Fills in and tokenizes; see `Encoder.encode`."""
        return self.encoder.encode(template, rows, answer_tokens=answer_tokens)

    def soft_layout(self, template: Template) -> SoftLayout:
        return self.encoder.soft_layout(template)

    def token_text(self, token_id: int) -> str:
        """One token as people read it: the word, or ``##piece`` where it continues one."""
        if token_id not in self._token_texts:
            self._token_texts[token_id] = self._read_token(token_id)
        return self._token_texts[token_id]

    def _read_token(self, token_id: int) -> str:
        token = self.tokenizer.convert_ids_to_tokens(token_id)
        if token is None:
            return f"<{token_id}>"
        if token.startswith("##") or token in self.tokenizer.all_special_tokens:
            return str(token)
        return str(self.tokenizer.decode([token_id])).strip() or repr(token)

    def token_spelling(self, token_id: int) -> str:
        """As `token_text`, with ``␣`` in front where the token brings a space with it."""
        token = str(self.tokenizer.convert_ids_to_tokens(token_id))
        return "␣" * token.startswith(("Ġ", "▁")) + self.token_text(token_id)

    # ---- label words ---------------------------------------------------------------------------

    def label_reader(self, template: Template, verbalizer: Verbalizer) -> LabelReader:
        """What turns this model's answers to ``template`` into the labels' scores.

        Raises VerbalizerError where the model cannot read the words, or not tell the labels apart.
        """
        return LabelReader(self, template, verbalizer)

    def label_words(
        self, template: Template, verbalizer: Verbalizer
    ) -> dict[str, tuple[int, list[int]]]:
        """For each label word, its first token and all tokens it is made of.

        A word that stands at several answer slots is told as it is read at the last of them.
        Raises as `label_reader` does.
        """
        reader = self.label_reader(template, verbalizer)
        words = zip(verbalizer.all_words, reader.pieces, strict=True)
        return {word: (pieces[0], list(pieces)) for word, pieces in words}

    def label_word_ids(self, template: Template, verbalizer: Verbalizer) -> Tensor:
        """The first token of each word of ``verbalizer.all_words``: (words,)."""
        pieces = self.label_reader(template, verbalizer).pieces
        return torch.tensor([first for first, *_ in pieces], device=self.device)

    # ---- ids to logits -------------------------------------------------------------------------

    def answer_logits(
        self,
        batch: Sequence[Encoded],
        *,
        token_ids: Tensor | None = None,
        soft_vectors: Tensor | None = None,
        shared: SharedPrefix | None = None,
    ) -> Tensor:
        """Logits at the answer slots: (batch, slots, vocabulary), in float32 or better.

        With ``token_ids`` (words,) only their rows of the vocabulary are computed:
        (batch, slots, words). ``soft_vectors`` (vectors, embedding) stand in the soft slots;
        without them a soft slot holds its initial words, or the placeholder token.
        Gradients flow to ``soft_vectors`` and, where they are asked for, to the weights; but not
        with ``shared``, which keeps what batches of a causal model begin with.
        """
        if self._packs():
            return self._project(self._packed_states(batch, soft_vectors), token_ids)
        source = shared or self
        inputs, places = source.network_inputs(batch, soft_vectors)  # places: (B, S)
        at = torch.arange(len(batch), device=self.device)[:, None]  # (B, 1)
        return self.network_logits(inputs, at, places, token_ids)[0]

    @property
    def batch_rows(self) -> int:
        """How many prompts are best computed together, without gradients."""
        return batch_rows(self.device.type, packed=self._packs())

    def _packs(self) -> bool:
        """Whether this network can read prompts end to end, and is the faster for it.

        An accelerator has kernels that are faster still; and attention that someone put in the
        place of the plain one is left to do its work.
        """
        return (
            self._family is not None
            and self._family.like_bert
            and self.kind == "masked"
            and self.device.type == "cpu"
            and self.network.config._attn_implementation == self.attention
        )

    def _packed_states(self, batch: Sequence[Encoded], soft_vectors: Tensor | None) -> Tensor:
        """Last hidden states at the slots, in the network's precision: (batch, slots, hidden)."""
        found = []
        for part in packed.passes(batch):
            inputs, places = self.network_inputs([packed.joined(part)], soft_vectors)
            del inputs["attention_mask"]
            lengths = list(map(len, part))
            places = places.view(len(part), -1)
            found.append(packed.states_at(self.network, inputs, places, lengths, self.prefix))
        return torch.cat(found)

    def network_logits(
        self, inputs: Mapping[str, Any], rows: Tensor, columns: Tensor, token_ids: Tensor | None
    ) -> tuple[Tensor, Any]:
        """Logits at the places (``rows``, ``columns``) of what the network is called with.

        (*places, vocabulary), or (*places, words) with ``token_ids`` (words,); and the network's
        key-value cache, where it keeps one and ``inputs`` ask for it.
        """
        if self._family is None:
            output = self.network(**inputs)
            logits: Tensor = output.logits[rows, columns]
            logits = _at_least_float32(logits if token_ids is None else logits[..., token_ids])
        else:
            output = self.run(inputs)
            logits = self._project(output.last_hidden_state[rows, columns], token_ids)
        return logits, output.get("past_key_values")

    def answer_states(
        self, batch: Sequence[Encoded], *, soft_vectors: Tensor | None = None
    ) -> Tensor:
        """Last hidden states at the answer slots: (batch, slots, hidden), float32 or better.

        Otherwise as `answer_logits`.
        """
        return _at_least_float32(self._answer_states(batch, soft_vectors))

    def answer_features(
        self, batch: Sequence[Encoded], *, soft_vectors: Tensor | None = None
    ) -> Tensor:
        """What the words' output embeddings are multiplied with: (batch, slots, features).

        In float32 or better; otherwise as `answer_logits`. Raises ModelError where the family's
        head is not known.
        """
        states = self._answer_states(batch, soft_vectors)
        return _at_least_float32(self._known_family().transform(self.network, states))

    def output_embeddings(self, token_ids: Tensor) -> tuple[Tensor, Tensor | None]:
        """Of tokens: (words, features), and their biases (words,) if they have any.

        In float32 or better. Raises ModelError where the family's head is not known.
        """
        projection = self._known_family().projection(self.network)
        weight = _at_least_float32(projection.weight[token_ids])
        bias = projection.bias
        return weight, None if bias is None else _at_least_float32(bias[token_ids])

    def _answer_states(self, batch: Sequence[Encoded], soft_vectors: Tensor | None) -> Tensor:
        """As `answer_states`, in the network's precision."""
        if self._packs():
            return self._packed_states(batch, soft_vectors)
        inputs, places = self.network_inputs(batch, soft_vectors)  # places: (B, S)
        at = torch.arange(len(batch), device=self.device)[:, None]  # (B, 1)
        states: Tensor = self.run(inputs).last_hidden_state[at, places]
        return states

    def run(self, inputs: Mapping[str, Any]) -> Any:
        """The network without its head: what transformers gives for these inputs.

        Prompts that are read packed do not come by here (see `_packs`).
        """
        return self.network.base_model(**inputs)

    def _project(self, states: Tensor, token_ids: Tensor | None) -> Tensor:
        """The family's own head: (…, hidden) to (…, vocabulary), or to (…, words)."""
        assert self._family is not None
        features = self._family.transform(self.network, states)  # (…, features)
        if token_ids is None:
            projection = self._family.projection(self.network)
            weight = self._exact(projection.weight)
            bias = None if projection.bias is None else _at_least_float32(projection.bias)
        else:
            weight, bias = self.output_embeddings(token_ids)
        return torch.nn.functional.linear(_at_least_float32(features), weight, bias)

    def _known_family(self) -> Family:
        if self._family is None:
            kind = self.network.config.model_type
            raise ModelError(
                f"{self.name} is a {kind} model, and how it comes from a hidden state to words is "
                f"not known here, so labels cannot have vectors there. These can: "
                f"{', '.join(FAMILIES)}.",
                code="model.no_output_embeddings",
                model=self.name,
                type=kind,
                families=", ".join(FAMILIES),
            )
        return self._family

    def _exact(self, weight: Tensor) -> Tensor:
        """The projection in float32. On a processor the copy is kept: making it takes longer than
        the product, and a network in bfloat16 is frozen, so the copy stays true.
        """
        if weight.dtype != torch.bfloat16 or weight.device.type != "cpu":
            return _at_least_float32(weight)
        if self._exact_of is not weight:
            with torch.inference_mode(False):  # whoever asks next may want gradients through it
                self._exact_of, self._exact_copy = weight, weight.detach().float()
        return self._exact_copy

    def network_inputs(
        self, batch: Sequence[Encoded], soft_vectors: Tensor | None = None
    ) -> tuple[dict[str, Tensor], Tensor]:
        """What the network is called with, padded, and the answers' places (batch, slots)."""
        ids, attention, places = self._pad(batch)  # (B, L), (B, L), (B, S)
        inputs = {"attention_mask": attention}
        if soft_vectors is None or not any(example.soft for example in batch):
            inputs["input_ids"] = ids
        else:
            inputs["inputs_embeds"] = self._embed(ids, batch, soft_vectors)  # (B, L, E)
        if any(example.types for example in batch):
            types = torch.zeros_like(ids)
            for row, example in enumerate(batch):
                types[row, : len(example.types)] = torch.tensor(example.types)
            inputs["token_type_ids"] = types
        return inputs, places

    def _pad(self, batch: Sequence[Encoded]) -> tuple[Tensor, Tensor, Tensor]:
        longest = max(len(example) for example in batch)
        ids = torch.full((len(batch), longest), self._pad_id)
        attention = torch.zeros((len(batch), longest), dtype=torch.long)
        for row, example in enumerate(batch):
            ids[row, : len(example)] = torch.tensor(example.ids)
            attention[row, : len(example)] = 1
        places = torch.tensor([example.answer for example in batch])
        return ids.to(self.device), attention.to(self.device), places.to(self.device)

    def _embed(self, ids: Tensor, batch: Sequence[Encoded], vectors: Tensor) -> Tensor:
        embedded: Tensor = self.network.get_input_embeddings()(ids)  # (B, L, E)
        rows = [row for row, example in enumerate(batch) for _ in example.soft]
        columns = [position for example in batch for position, _ in example.soft]
        indices = [vector for example in batch for _, vector in example.soft]
        return embedded.index_put(
            (torch.tensor(rows, device=ids.device), torch.tensor(columns, device=ids.device)),
            vectors[torch.tensor(indices, device=ids.device)].to(embedded.dtype),
        )

    def score(
        self,
        encoded: Sequence[Encoded],
        token_ids: Tensor | None,
        *,
        soft_vectors: Tensor | None = None,
        batch_size: int | None = None,
    ) -> Iterator[tuple[list[int], Tensor]]:
        """Logits of ``token_ids`` for many examples, without gradients, longest first.

        Yields (which examples, their logits (batch, slots, words), or (batch, slots, vocabulary)
        where ``token_ids`` is None): a caller may look up between batches. Examples of like length
        share a batch, so that little of it is padding. A processor is fastest with small batches,
        an accelerator with larger ones. What they all begin with, a causal model reads once.
        """
        shared = SharedPrefix(self)
        for chosen in self.batches(encoded, batch_size):
            with torch.inference_mode():
                logits = self.answer_logits(
                    [encoded[i] for i in chosen],
                    token_ids=token_ids,
                    soft_vectors=soft_vectors,
                    shared=shared,
                )
            yield chosen, logits

    def batches(
        self, encoded: Sequence[Encoded], batch_size: int | None = None
    ) -> Iterator[list[int]]:
        """Which of the examples go together in a batch, see `score`."""
        batch_size = batch_size or self.batch_rows
        order = sorted(range(len(encoded)), key=lambda i: len(encoded[i]), reverse=True)
        for start in range(0, len(order), batch_size):
            yield order[start : start + batch_size]

    # ---- the neighbourhood of a vector ---------------------------------------------------------

    @cached_property
    def _directions(self) -> Tensor:
        """Unit-length input embeddings, special tokens zeroed: (vocabulary, embedding)."""
        directions = torch.nn.functional.normalize(self.embedding_weight.detach().float(), dim=1)
        directions[self.tokenizer.all_special_ids] = 0
        return directions

    def cosine_similarity(self, vectors: Tensor) -> Tensor:
        """Of ``vectors`` (n, embedding) to every token's input embedding: (n, vocabulary).

        Special tokens are near to nothing.
        """
        unit = torch.nn.functional.normalize(vectors.detach().float(), dim=1)
        return unit @ self._directions.T

    def nearest_tokens(self, vectors: Tensor, count: int) -> tuple[Tensor, Tensor]:
        """The tokens of highest cosine similarity to each of ``vectors`` (n, embedding).

        Their ids, the nearest first, and their similarities: (n, count) both.
        """
        similarity, ids = self.cosine_similarity(vectors).topk(count, dim=1)
        return ids, similarity

    def trainable_copy(self) -> "LanguageModel":
        """The same model with weights of its own, in float32, that ask for gradients."""
        network = copy.deepcopy(self.network).float()
        for parameter in network.parameters():
            parameter.requires_grad_(True)
        return LanguageModel(self.name, network, self.tokenizer, causal=self.kind == "causal")


def _at_least_float32(values: Tensor) -> Tensor:
    """Logits in bfloat16 are so coarse that different words would tie."""
    return values.to(torch.promote_types(values.dtype, torch.float32))


def _longest_input(network: Any, tokenizer: Any) -> int:
    """How many tokens fit, by the network's positions and the tokenizer's own word."""
    room = int(getattr(network.config, "max_position_embeddings", 0) or 0) or 512
    return min(room - first_position(network), int(tokenizer.model_max_length))
