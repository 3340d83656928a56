"""Measuring the built-in models, on tiny random models and made-up tables."""

import json
import math
from collections import Counter
from collections.abc import Callable
from functools import cache
from itertools import product

import numpy as np
import pandas as pd
import pytest
import torch
from tokenizers import AddedToken
from transformers import AutoModelForCausalLM, AutoModelForMaskedLM, AutoTokenizer

from playground.errors import DataError, ModelError
from playground.methods import Calibration, classify
from playground.models import LanguageModel, load_model
from playground.models.pretraining import held_out
from playground.models.pretraining.benchmarks import SEEDS, SPLIT, TESTS, read_benchmark
from playground.models.pretraining.command import main
from playground.models.pretraining.encoded import CorpusWriter
from playground.models.pretraining.evaluation import (
    MEASURES,
    OPINIONS,
    QUESTION,
    SENTIMENT,
    TOPIC,
    Scope,
)
from playground.models.pretraining.figures import (
    accuracy,
    as_json,
    as_markdown,
    perplexity,
    perplexity_ratio,
)
from playground.models.pretraining.trigram import Trigram
from tests import tiny

DOCUMENTS = ["the cat sat on the mat. it was good, so good!", "a bad film " * 40, ""]


class TestFigures:
    def test_accuracy_is_the_mean_over_seeds_and_rows(self):
        right = np.array([[1.0, 1, 0, 0], [1, 1, 1, 0]])
        figure = accuracy("m", right)
        assert figure.value == pytest.approx(62.5)
        assert figure.spread == pytest.approx(np.std([50, 75], ddof=1))
        assert (figure.seeds, figure.examples) == (2, 4)
        assert 0 <= figure.low < figure.value < figure.high <= 100

    def test_the_interval_of_one_seed_is_that_of_a_share(self):
        """Near the normal approximation, where that is good."""
        right = (np.arange(1000) % 4 > 0).astype(float)[None]
        figure = accuracy("m", right)
        error = 1.96 * 100 * math.sqrt(0.75 * 0.25 / 1000)
        assert figure.spread is None
        assert figure.low == pytest.approx(75 - error, abs=0.4)
        assert figure.high == pytest.approx(75 + error, abs=0.4)

    def test_seeds_that_differ_widen_it(self):
        alike = accuracy("m", np.tile(np.arange(200) % 2, (4, 1)).astype(float))
        unlike = accuracy("m", np.repeat([[1.0], [1], [0], [0]], 200, axis=1))
        assert unlike.high - unlike.low > alike.high - alike.low

    def test_perplexity_is_the_exponential_of_the_mean_surprise_a_word(self):
        nats, words = np.array([10.0, 20.0]), np.array([4.0, 6.0])
        assert perplexity("m", nats, words).value == pytest.approx(math.exp(3))
        ratio = perplexity_ratio("m", nats, 2 * nats, words)
        assert ratio.value == pytest.approx(math.exp(-3))
        assert ratio.low < ratio.value < ratio.high

    def test_a_table_has_a_line_a_measure_and_a_column_a_model(self):
        one = accuracy("first", np.ones((2, 3)))
        other = accuracy("second", np.zeros((1, 3)))
        lines = as_markdown({"a": [one], "b": [one, other]}).splitlines()
        assert lines[0] == "| measure | a | b |"
        assert lines[2].startswith("| first | 100.0 ± 0.0 (100.0 to 100.0) | 100.0 ")
        assert lines[3] == "| second | – | 0.0 (0.0 to 0.0) |"
        assert "bootstrap" in lines[-1]
        assert "2 seeds" in lines[-1]
        assert json.loads(as_json({"a": [one]}))["a"][0]["value"] == 100


class TestTrigram:
    def tokens(self, count: int = 400, vocabulary: int = 5) -> np.ndarray:
        chance = np.random.default_rng(1)
        return chance.choice(vocabulary, count, p=[0.5, 0.25, 0.15, 0.07, 0.03])

    def test_probabilities_after_any_two_tokens_sum_to_one(self):
        trigram = Trigram(self.tokens(30), 5)  # many contexts were never seen
        for first, second in product(range(5), repeat=2):
            total = sum(
                float(trigram.probabilities(np.array([first, second, third]))[0])
                for third in range(5)
            )
            assert total == pytest.approx(1)

    def test_it_is_the_formula_written_out(self):
        tokens = self.tokens().tolist()
        found = Trigram(np.array(tokens), 5).probabilities(np.array([0, 1, 2, 0, 0, 3, 4, 4]))
        expected = [
            plain_kneser_ney(tokens, 5, *wanted)
            for wanted in [(0, 1, 2), (1, 2, 0), (2, 0, 0), (0, 0, 3), (0, 3, 4), (3, 4, 4)]
        ]
        np.testing.assert_allclose(found, expected, rtol=1e-9)

    def test_it_learns_what_follows(self):
        tokens = np.tile([1, 2, 3], 100)
        [after] = Trigram(tokens, 5).probabilities(np.array([1, 2, 3]))
        assert after > 0.95

    def test_the_smallest_text(self):
        assert Trigram(np.array([0, 1, 2]), 3).probabilities(np.array([0, 1, 2]))[0] > 1 / 3


def plain_kneser_ney(tokens: list[int], vocabulary: int, *wanted: int) -> float:
    """Chen & Goodman 1999 with dictionaries: counts at the top, numbers of contexts below."""
    trigrams = Counter(zip(tokens, tokens[1:], tokens[2:], strict=False))
    bigrams = Counter((b, c) for _, b, c in trigrams)
    words = Counter((c,) for _, c in bigrams)

    def probability(ngram: tuple[int, ...]) -> float:
        if not ngram:
            return 1 / vocabulary
        counts = (words, bigrams, trigrams)[len(ngram) - 1]
        sizes = Counter(counts.values())
        share = sizes[1] / (sizes[1] + 2 * sizes[2]) if sizes[1] else 1 / (1 + 2 * sizes[2])
        discount = [0.0] + [
            min(
                max(k - (k + 1) * share * max(1, sizes[k + 1]) / max(1, sizes[k]), 0.1),
                (0.9, 1.8, 2.7)[k - 1],
            )
            for k in (1, 2, 3)
        ]
        followers = {key: n for key, n in counts.items() if key[:-1] == ngram[:-1]}
        lower = probability(ngram[1:])
        if not followers:
            return lower
        total = sum(followers.values())
        left = sum(discount[min(n, 3)] for n in followers.values()) / total
        count = followers.get(ngram, 0)
        return (count - discount[min(count, 3)]) / total + left * lower

    return probability(wanted)


class TestHeldOutText:
    def test_documents_are_read_apart_and_spread_evenly(self, tmp_path):
        (tmp_path / "a.txt").write_text("one\ntwo\n\nthree\n", "utf-8")
        (tmp_path / "b.txt").write_text("four\n", "utf-8")
        assert held_out.read_documents(tmp_path, 1000) == ["one two", "three", "four"]
        assert held_out.read_documents(tmp_path, 8) == ["one two", "four"]

    def test_a_folder_without_text(self, tmp_path):
        with pytest.raises(DataError) as caught:
            held_out.read_documents(tmp_path, 1000)
        assert caught.value.code == "corpus.no_held_out"

    def test_a_cloze_asks_for_15_percent_of_the_tokens(self, loaded):
        model = loaded("bert")
        right, asked = held_out.cloze(model, DOCUMENTS)
        counts = [len(tokens) for tokens in held_out._tokens(model, DOCUMENTS)]
        assert asked[2] == 0
        for count, got in zip(counts[:2], asked[:2], strict=True):
            assert got == pytest.approx(0.15 * count, abs=1 + count / 40)
        assert (right <= asked).all()
        assert (held_out.cloze(model, DOCUMENTS)[0] == right).all()

    def test_a_cloze_counts_what_plain_transformers_gets_right(self, loaded):
        model = loaded("bert")
        document = "the cat sat on the mat in summary"
        [tokens] = held_out._tokens(model, [document])
        question = held_out._masked(model, 0, tokens, np.random.default_rng(0))
        with torch.no_grad():
            logits = model.network(torch.tensor([question.encoded.ids])).logits[0]
        best = logits[list(question.encoded.answer)].argmax(-1).tolist()
        expected = sum(a == b for a, b in zip(best, question.answers, strict=True))
        assert held_out.cloze(model, [document])[0][0] == expected
        masked = list(question.encoded.ids)
        for place, answer in zip(question.encoded.answer, question.answers, strict=True):
            assert masked[place] == model.tokenizer.mask_token_id
            masked[place] = answer
        assert masked[1:-1] == tokens

    @pytest.mark.parametrize("family", ["gpt2", "llama"])
    def test_surprise_is_what_plain_transformers_says(self, family, loaded):
        model = loaded(family)
        [tokens] = held_out._tokens(model, DOCUMENTS[:1])
        ids = torch.tensor([[model.tokenizer.bos_token_id, *tokens]])
        assert ids.shape[1] <= model.max_length
        with torch.no_grad():
            log = model.network(ids).logits[0, :-1].log_softmax(-1)
        expected = -float(log.gather(1, ids[0, 1:, None]).sum())
        found = held_out.surprise(model, DOCUMENTS)
        assert found[0] == pytest.approx(expected, rel=1e-3)
        assert found[2] == 0

    def test_long_documents_are_read_in_windows_that_overlap(self, loaded):
        """Each token is asked once, with half a window before it."""
        model = loaded("gpt2")
        [tokens] = held_out._tokens(model, DOCUMENTS[1:2])
        half = tiny.POSITIONS // 2
        assert len(tokens) > 2 * tiny.POSITIONS
        start = model.tokenizer.bos_token_id
        expected = 0.0
        for index, token in enumerate(tokens):
            first = max(0, index // half * half - half)
            with torch.no_grad():
                logits = model.network(torch.tensor([[start, *tokens[first:index]]])).logits[0, -1]
            expected -= float(logits.log_softmax(-1)[token])
        assert held_out.surprise(model, DOCUMENTS[1:2])[0] == pytest.approx(expected, rel=1e-3)

    def test_a_trigram_model_reads_the_same_tokens(self, loaded):
        model = loaded("gpt2")
        every = list(held_out._tokens(model, DOCUMENTS))
        trigram = Trigram(np.concatenate([np.array(tokens, int) for tokens in every]), 500)
        found = held_out.trigram_surprise(trigram, model, DOCUMENTS)
        start = model.tokenizer.bos_token_id
        expected = -np.log(trigram.probabilities(np.array([start, start, *every[0]]))).sum()
        assert found[0] == pytest.approx(expected)
        assert (found[:2] < np.log(500) * np.array([len(tokens) for tokens in every[:2]])).all()


@pytest.fixture(scope="module")
def benchmarks(tmp_path_factory):
    """Sets of toy rows in the places and with the labels of the real ones."""
    folder = tmp_path_factory.mktemp("benchmarks")
    labels = {
        "sst-2": ["negative", "positive"],
        "agnews": ["World", "Sports", "Business", "Sci/Tech"],
        "trec": ["abbreviation", "description", "entity", "human", "location", "numeric"],
    }
    for name, known in labels.items():
        parts = [SPLIT.format(name=name, seed=s, part=p) for s in SEEDS for p in ("train", "dev")]
        for seed, file in enumerate([TESTS[name], *parts]):
            table = tiny.toy_rows(24, seed=seed)
            table["label"] = [known[i % len(known)] for i in range(len(table))]
            (folder / file).parent.mkdir(parents=True, exist_ok=True)
            table.to_csv(folder / file, sep="\t", index=False)
    return folder


class TestBenchmarks:
    def test_tables_are_read_as_they_are(self, benchmarks, tmp_path):
        read = read_benchmark(benchmarks, "sst-2", seeds=(13, 21), rows=10)
        assert list(read.train) == list(read.dev) == [13, 21]
        assert len(read.test) == 8  # every third of 24
        expected = pd.read_csv(benchmarks / TESTS["sst-2"], sep="\t")
        assert read.test["text"].tolist() == expected["text"].tolist()[::3]

    def test_quotation_marks_belong_to_the_text(self, benchmarks, tmp_path):
        for name, text in {TESTS["trec"]: '"It was', SPLIT: "NA"}.items():
            for part in ("train", "dev"):
                file = tmp_path / name.format(name="trec", seed=13, part=part)
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(f"text\tlabel\n{text}\thuman\n", "utf-8")
        read = read_benchmark(tmp_path, "trec", seeds=(13,))
        assert read.test["text"].tolist() == ['"It was']
        assert read.train[13]["text"].tolist() == ["NA"]

    @pytest.mark.parametrize(("where", "far"), [("numeric", "location"), ("location", "numeric")])
    def test_questions_for_places_and_numbers_get_their_own_names(self, where, far, tmp_path):
        """Whether or not the splits have the two names exchanged; the test rows never have."""
        questions = f"text\tlabel\nWhere is it ?\t{where}\nHow far is it ?\t{far}\nWho ?\thuman\n"
        for name in (TESTS["trec"], SPLIT):
            for part in ("train", "dev"):
                file = tmp_path / name.format(name="trec", seed=13, part=part)
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(questions, "utf-8")
        read = read_benchmark(tmp_path, "trec", seeds=(13,))
        for table in (read.train[13], read.dev[13]):
            assert table["label"].tolist() == ["location", "numeric", "human"]
        assert read.test["label"].tolist() == [where, far, "human"]

    def test_a_folder_without_them(self, tmp_path):
        with pytest.raises(DataError) as caught:
            read_benchmark(tmp_path, "sst-2")
        assert caught.value.code == "data.no_file"


@pytest.fixture(scope="module")
def folder_of(tmp_path_factory) -> Callable[[str], str]:
    """The folder of a tiny model of either kind that knows the measures' words."""
    words = [
        AddedToken(word, lstrip=True, normalized=True)
        for verbalizer in (OPINIONS, TOPIC.verbalizer, QUESTION)
        for word in verbalizer.all_words
    ]

    @cache
    def folder(kind: str) -> str:
        family, auto = {
            "masked": ("bert", AutoModelForMaskedLM),
            "causal": ("gpt2", AutoModelForCausalLM),
        }[kind]
        saved = tiny.save_model(tmp_path_factory.mktemp(kind), family)
        tokenizer = AutoTokenizer.from_pretrained(saved)
        tokenizer.add_tokens(words)
        network = auto.from_pretrained(saved)
        network.resize_token_embeddings(len(tokenizer), mean_resizing=False)
        network.save_pretrained(saved)
        tokenizer.save_pretrained(saved)
        return str(saved)

    return folder


@pytest.fixture(scope="module")
def prepared(tmp_path_factory, folder_of) -> Callable[[str], object]:
    """Text for the tiny model of a kind, as the command "prepare" leaves it."""

    def folder(kind: str):
        work = tmp_path_factory.mktemp("work")
        tokenizer = load_model(folder_of(kind)).tokenizer.backend_tokenizer
        tokenizer.save(str(work / "tokenizer.json"))
        writer = CorpusWriter(tokenizer)
        writer.add("toy", [[text] for text in DOCUMENTS])
        writer.save(work / "training")
        (work / "held-out").mkdir()
        (work / "held-out" / "toy.txt").write_text("\n\n".join(DOCUMENTS[:2]), "utf-8")
        return work

    return folder


class TestMeasures:
    def model(self, folder_of, kind: str) -> LanguageModel:
        return load_model(folder_of(kind), precision="float32")

    @pytest.mark.parametrize("kind", ["masked", "causal"])
    @pytest.mark.parametrize("name", ["sst-2-zero-shot", "sst-2-manual", "ag-news-zero-shot"])
    def test_without_training(self, name, kind, benchmarks, folder_of):
        figures = list(MEASURES[name](self.model(folder_of, kind), Scope(benchmarks, seeds=(13,))))
        for figure in figures:
            assert figure.examples == 24
            assert 0 <= figure.low <= figure.value <= figure.high <= 100
        expected = ["calibrated"] if name == "sst-2-manual" else ["raw", "calibrated"]
        assert [figure.measure.rsplit(", ", 1)[1] for figure in figures] == expected

    def test_zero_shot_is_what_classify_says(self, benchmarks, folder_of):
        model, prompt = self.model(folder_of, "masked"), SENTIMENT[0]
        scope = Scope(benchmarks, seeds=(13, 42))
        raw, calibrated = MEASURES["sst-2-zero-shot"](model, scope)
        rows = scope.read("sst-2")
        asked = (model, prompt.template, prompt.verbalizer)

        def percent(calibration: Calibration | None) -> float:
            found = classify(*asked, rows.test, calibration=calibration)
            return 100 * float((found["prediction"] == rows.test["label"]).mean())

        assert raw.value == pytest.approx(percent(None))
        each = [percent(Calibration.over_texts(*asked, rows.train[seed])) for seed in (13, 42)]
        assert calibrated.value == pytest.approx(np.mean(each))
        assert calibrated.spread == pytest.approx(np.std(each, ddof=1))

    @pytest.mark.parametrize(
        ("name", "kind"),
        [
            ("sst-2-p-tuning", "masked"),
            ("sst-2-prompt-fine-tuning", "masked"),
            ("trec-p-tuning", "masked"),
            ("trec-p-tuning-with-model", "masked"),
            ("sst-2-p-tuning", "causal"),
        ],
    )
    def test_with_training(self, name, kind, benchmarks, folder_of):
        model = self.model(folder_of, kind)
        [figure] = MEASURES[name](model, Scope(benchmarks, seeds=(13,)))
        assert "K = 16" in figure.measure
        assert figure.examples == 24

    def test_held_out_text_of_a_masked_model(self, benchmarks, folder_of, prepared):
        scope = Scope(benchmarks, prepared("masked"))
        [figure] = MEASURES["held-out"](self.model(folder_of, "masked"), scope)
        assert figure.examples == 2

    def test_held_out_text_of_a_causal_model(self, benchmarks, folder_of, prepared):
        scope = Scope(benchmarks, prepared("causal"))
        own, trigram, ratio = MEASURES["held-out"](self.model(folder_of, "causal"), scope)
        assert ratio.value == pytest.approx(own.value / trigram.value)
        assert trigram.value < own.value  # it has seen the text, and the other is random

    def test_text_of_another_model(self, benchmarks, folder_of, prepared):
        scope = Scope(benchmarks, prepared("masked"))
        with pytest.raises(ModelError) as caught:
            list(MEASURES["held-out"](self.model(folder_of, "causal"), scope))
        assert caught.value.code == "pretraining.other_tokenizer"


class TestCommand:
    def test_it_prints_a_table_and_writes_the_figures(
        self, benchmarks, folder_of, tmp_path, capsys
    ):
        folder, file = folder_of("masked"), tmp_path / "figures.json"
        options = ["--benchmarks", str(benchmarks), "--only", "sst-2-zero-shot", "--quick"]
        assert main(["evaluate", "--model", folder, *options, "--json", str(file)]) == 0
        lines = capsys.readouterr().out.splitlines()
        assert lines[0] == f"| measure | {folder} |"
        assert "SST-2 dev, zero-shot, `{text} It was [MASK].`, raw" in lines[2]
        [raw, calibrated] = json.loads(file.read_text("utf-8"))[folder]
        assert (raw["seeds"], calibrated["seeds"]) == (1, 2)

    def test_a_measure_that_there_is_not(self, benchmarks, capsys):
        options = ["--benchmarks", str(benchmarks), "--only", "sst-3"]
        assert main(["evaluate", *options]) == 2
        assert "sst-2-p-tuning" in capsys.readouterr().err
