"""Prompt tuning: where its vectors stand and where they start."""

import pytest
import torch

from playground.methods import classify, start
from playground.methods.prompt_tuning import initial_vectors, with_soft_slots_in_front
from playground.prompts import Template, Verbalizer


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("{text} It was [MASK].", "[SOFT*3] {text} It was [MASK]."),
        ("[MASK] News: {text}", "[SOFT*3] [MASK] News: {text}"),
        ("{text} [SOFT*2] [MASK]", "{text} [SOFT*2] [MASK]"),
    ],
)
def test_the_vectors_stand_in_front_where_the_template_has_no_slots(source, expected):
    assert with_soft_slots_in_front(Template(source), 3) == Template(expected)


def test_only_the_vectors_are_trained(toy):
    training = toy.start("prompt-tuning", soft_tokens=5)
    width = toy.model.embedding_weight.shape[1]
    assert training.learner.trainable() == 5 * width
    assert training.trained_prompt().vectors.shape == (5, width)
    assert training.trained_prompt().model is toy.model


class TestInitialVectors:
    SOFT = Template("[SOFT*5] {text} It was [MASK].")

    def ids_of(self, toy, *words):
        return [toy.model.encoder.word_ids(word)[0] for word in words]

    def of(self, toy, how, template=SOFT, verbalizer=None, seed=0):
        torch.manual_seed(seed)
        return initial_vectors(toy.model, template, verbalizer or toy.verbalizer, how)

    def test_label_words_come_first_one_of_each_label_in_turn(self, toy):
        vectors = self.of(toy, "label-words")
        expected = toy.model.embedding_weight[self.ids_of(toy, "great", "terrible", "good")]
        assert torch.equal(vectors[:3], expected)

    def test_and_then_words_of_the_vocabulary(self, toy):
        vectors = self.of(toy, "label-words")
        nearest = toy.model.cosine_similarity(vectors[3:]).max(1).values
        assert torch.allclose(nearest, torch.ones(2))

    def test_a_word_of_several_tokens_starts_at_their_mean(self, toy):
        pieces = toy.model.encoder.word_ids("goodly")
        assert len(pieces) == 2
        vectors = self.of(toy, "label-words", verbalizer=Verbalizer({"a": "goodly", "b": "bad"}))
        assert torch.allclose(vectors[0], toy.model.embedding_weight[pieces].mean(0))

    def test_vocabulary_words_are_ordinary_and_none_comes_twice(self, toy):
        template = Template("[SOFT*40] {text} [MASK]")
        vectors = self.of(toy, "vocabulary", template)
        distances = torch.cdist(vectors, toy.model.embedding_weight.float())
        ids = distances.argmin(1).tolist()
        assert distances.min(1).values.max() < 0.01
        assert len(set(ids)) == 40
        assert not set(ids) & set(toy.model.tokenizer.all_special_ids)

    def test_more_vectors_than_words_are_no_trouble(self, toy):
        count = len(toy.model.embedding_weight) + 10
        vectors = self.of(toy, "vocabulary", Template(f"[SOFT*{count}] [MASK]"))
        assert len(vectors) == count

    def test_random_numbers_are_on_the_scale_of_the_embeddings(self, toy):
        vectors = self.of(toy, "random", Template("[SOFT*200] [MASK]"))
        words = toy.model.embedding_weight
        assert torch.allclose(vectors.std(0).mean(), words.std(0).mean(), rtol=0.1)

    @pytest.mark.parametrize("how", ["random", "vocabulary", "label-words"])
    def test_a_word_written_in_the_slot_comes_first(self, how, toy):
        vectors = self.of(toy, how, Template("[SOFT] [SOFT:film] {text} [MASK]"))
        assert torch.equal(vectors[1], toy.model.embedding_weight[self.ids_of(toy, "film")[0]])

    @pytest.mark.parametrize("how", ["random", "vocabulary"])
    def test_the_seed_says_which(self, how, toy):
        one, same, other = (self.of(toy, how, seed=seed) for seed in (3, 3, 4))
        assert torch.equal(one, same)
        assert not torch.equal(one, other)


def test_without_training_words_in_soft_slots_answer_as_words(toy):
    template = Template("{text} It was [SOFT:so] [MASK].")
    training = start(
        "prompt-tuning", toy.model, template, toy.verbalizer, toy.train, toy.dev, {"steps": 1}
    )
    written = classify(toy.model, Template("{text} It was so [MASK]."), toy.verbalizer, toy.dev)
    soft = training.trained_prompt().classify(toy.dev)
    assert soft["positive"].to_numpy() == pytest.approx(written["positive"].to_numpy(), abs=1e-5)
