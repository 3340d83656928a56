"""Label scores against the same computed by hand from the whole model's logits."""

import pytest
import torch
from transformers import AutoModelForMaskedLM

from playground.errors import VerbalizerError
from playground.prompts import Template, Verbalizer

CLOZE = Template("{text} It was [MASK].")
PREFIX = Template("{text} It was [MASK]")
ROWS = [
    {"text": "A good film"},
    {"text": "the cat sat on the mat and it was so wonderful in summary"},
    {"text": ""},
    {"text": "so so"},
]
CLOSE = {"rtol": 1e-4, "atol": 2e-5}
# Of one token and of several to every tokenizer here.
WORDS = {"positive": ["great", "goodly", "wonderfulcat"], "negative": ["bad", "terriblymat"]}

masked = pytest.mark.parametrize("family", ["bert", "roberta", "albert", "mpnet"])


def shares(folder, ids: list[int]) -> torch.Tensor:
    """Log-probabilities that transformers gives everywhere: (length, vocabulary)."""
    network = AutoModelForMaskedLM.from_pretrained(folder, dtype=torch.float32).eval()
    with torch.no_grad():
        return network(input_ids=torch.tensor([ids])).logits[0].log_softmax(-1)


def error_of(model, template, verbalizer) -> VerbalizerError:
    with pytest.raises(VerbalizerError) as caught:
        model.label_reader(template, verbalizer)
    return caught.value


def test_words_of_one_token_need_one_pass_whatever_the_policy(loaded):
    model = loaded("bert")
    words = {"positive": ["great", "good"], "negative": ["bad"]}
    first = model.label_reader(CLOZE, Verbalizer(words))
    for policy in ("mean", "exact"):
        other = model.label_reader(CLOZE, Verbalizer(words, multi_token=policy))
        assert not other.several_passes
        torch.testing.assert_close(other.score_rows(ROWS), first.score_rows(ROWS))


@pytest.mark.parametrize("family", ["bert", "roberta", "albert", "mpnet", "gpt2", "llama"])
def test_the_mean_over_sub_tokens(family, loaded):
    model = loaded(family)
    template = CLOZE if model.kind == "masked" else PREFIX
    verbalizer = Verbalizer(WORDS, multi_token="mean")
    reader = model.label_reader(template, verbalizer)
    assert max(map(len, reader.pieces)) > 1
    logits = model.answer_logits(model.encode(template, ROWS))[:, 0]  # (rows, vocabulary)
    words = torch.stack([logits[:, list(pieces)].mean(1) for pieces in reader.pieces], dim=1)
    expected = torch.stack([words[:, :3].mean(1), words[:, 3:].mean(1)], dim=1)
    torch.testing.assert_close(reader.score_rows(ROWS), expected, **CLOSE)


@masked
def test_exact_words_have_a_slot_for_each_token(family, saved, loaded):
    model = loaded(family)
    verbalizer = Verbalizer(WORDS, multi_token="exact", aggregation="max")
    reader = model.label_reader(CLOZE, verbalizer)
    assert reader.several_passes
    assert len(set(map(len, reader.pieces))) > 1
    mask = model.tokenizer.mask_token
    expected = []
    for row in ROWS:
        words = []
        for pieces in reader.pieces:
            ids = model.tokenizer(f"{row['text']} It was {mask * len(pieces)}.")["input_ids"]
            places = [i for i, token in enumerate(ids) if token == model.tokenizer.mask_token_id]
            assert len(places) == len(pieces)
            words.append(shares(saved(family), ids)[places, list(pieces)].sum())
        expected.append([max(words[:3]), max(words[3:])])
    torch.testing.assert_close(reader.score_rows(ROWS), torch.tensor(expected), **CLOSE)


@masked
def test_several_slots_are_summed_as_in_ptr(family, saved, loaded):
    model = loaded(family)
    template = Template("[MASK] {text} ([MASK]).")
    verbalizer = Verbalizer({"a": "great | film", "b": "great | mat, cat", "c": "bad | film"})
    words = {"a": ["great", "film"], "b": ["great", "mat", "cat"], "c": ["bad", "film"]}
    reader = model.label_reader(template, verbalizer)

    def token(word: str, *, space: bool) -> int:
        return model.encoder.word_ids(word, after_space=space)[0]

    expected = []
    for row in ROWS:
        [encoded] = model.encode(template, [row])
        at_first, at_second = shares(saved(family), list(encoded.ids))[list(encoded.answer)]
        scores = []
        for first, *second in words.values():
            inside = [at_second[token(word, space=False)] for word in second]
            scores.append(at_first[token(first, space=True)] + sum(inside) / len(inside))
        expected.append(scores)
    # log-probabilities and logits differ by what is common to all labels
    ours = reader.score_rows(ROWS).log_softmax(1)
    torch.testing.assert_close(ours, torch.tensor(expected).log_softmax(1), **CLOSE)


def test_each_slot_knows_whether_a_space_precedes_it(loaded):
    model = loaded("roberta")
    template = Template("{text} [MASK] ([MASK])[MASK] [SEP] [MASK]")
    reader = model.label_reader(template, Verbalizer({"a": "a | a | a | a", "b": "b | b | b | b"}))
    read = [model.token_spelling(pieces[0]) for pieces in reader.pieces[:4]]
    assert read == ["␣a", "a", "a", "␣a"]


def test_gradients_flow_through_slots_and_sub_tokens(loaded):
    model = loaded("bert")
    verbalizer = Verbalizer({"a": "goodly | film", "b": "bad | film"}, multi_token="mean")
    template = Template("[SOFT*2] [MASK] {text} [MASK].")
    reader = model.label_reader(template, verbalizer)
    vectors = torch.zeros(2, 32, requires_grad=True)
    encoded = model.encode(template, ROWS)
    logits = model.answer_logits(encoded, token_ids=reader.token_ids, soft_vectors=vectors)
    reader.label_scores(logits).sum().backward()
    assert (vectors.grad.abs().sum(1) > 0).all()


def test_words_that_only_begin_alike_are_told_apart_where_all_tokens_count(loaded):
    model = loaded("bert")
    words = {"a": ["goodly"], "b": ["good"]}
    assert error_of(model, CLOZE, Verbalizer(words)).code == "verbalizer.same_token"
    for policy in ("mean", "exact"):
        assert model.label_reader(CLOZE, Verbalizer(words, multi_token=policy))


@pytest.mark.parametrize(
    ("source", "slots"), [("[MASK] {text}", 2), ("[MASK] [MASK] [MASK]", 2), ("[MASK]", 3)]
)
def test_the_template_has_as_many_slots_as_the_words(source, slots, loaded):
    bars = " | ".join("abc"[:slots])
    verbalizer = Verbalizer({"x": bars, "y": bars.replace("a", "d")})
    error = error_of(loaded("bert"), Template(source), verbalizer)
    assert error.code == "verbalizer.slot_count"
    assert error.details["slots"] == slots


def test_words_for_one_slot_are_read_at_the_first_of_several(loaded):
    model = loaded("bert")
    template = Template("[MASK] {text} [MASK]")
    words = Verbalizer({"a": "good", "b": "bad"})
    logits = model.answer_logits(model.encode(template, ROWS))[:, 0]
    ids = model.label_word_ids(template, words)
    scores = model.label_reader(template, words).score_rows(ROWS)
    torch.testing.assert_close(scores, logits[:, ids], **CLOSE)


def test_labels_that_are_alike_at_every_slot_to_this_model(loaded):
    template = Template("[MASK] {text} [MASK]")
    verbalizer = Verbalizer({"a": "Good | film", "b": "good | film"})
    assert loaded("roberta").label_reader(template, verbalizer)
    error = error_of(loaded("bert"), template, verbalizer)
    assert (error.code, error.label, error.details["other"]) == ("verbalizer.same_slots", "b", "a")


def test_exact_words_of_several_tokens_at_several_slots_are_refused(loaded):
    template = Template("[MASK] {text} [MASK]")
    verbalizer = Verbalizer({"a": "goodly | film", "b": "bad | film"}, multi_token="exact")
    error = error_of(loaded("bert"), template, verbalizer)
    assert error.code == "verbalizer.exact_slots"
    assert error.details["word"] == "goodly"


def test_no_rows_have_no_scores(loaded):
    for family, template in (("bert", CLOZE), ("gpt2", PREFIX)):
        for policy in ("first", "mean", "exact"):
            reader = loaded(family).label_reader(template, Verbalizer(WORDS, multi_token=policy))
            assert reader.score_rows([]).shape == (0, 2)
