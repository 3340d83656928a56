"""From a filled-in template to token ids: the tokenizer's own, with every slot in its place."""

import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st
from tokenizers import AddedToken

from playground.errors import TemplateError
from playground.models.encoding import Encoder
from playground.prompts import Template
from tests import tiny

ROW = {"text": "A good film, great and wonderful", "a": "the cat sat", "b": "on the mat"}
CLOZES = [
    "{text} It was [MASK].",
    "{text} It was [MASK]. All in all!",
    "[MASK]: {text}",
    "[MASK] {text}",
    "{text}[MASK]",
    "{text}[MASK]{a}",
    "{a} ? [MASK] , {b}",
    "{a}{b} [MASK]",
    r"\[so: [MASK]\] {text}",
    "[MASK] [MASK][MASK]  {a}",
    "这部电影很[MASK]。{text}",
    "{text}\n\tIt was [MASK].\n",
]
PREFIXES = ["{text} It was [MASK]", "{text} It was[MASK]", "{a} {b}: [MASK] ", "{text}\n[MASK]"]

MASKED = ["bert", "roberta", "albert"]  # one for each kind of tokenizer
CAUSAL = ["gpt2", "llama"]


def one(model, source: str, row=ROW):
    return model.encode(Template(source), [row])[0]


def fixed(encoded) -> list[tuple[int, str]]:
    """All tokens but those of fields, each with its kind."""
    tokens = zip(encoded.ids, encoded.kinds, strict=True)
    return [(token, kind) for token, kind in tokens if kind != "field"]


def special_ids(model) -> set[int]:
    added = model.tokenizer.added_tokens_decoder
    return {index for index, token in added.items() if token.special}


class TestIds:
    @pytest.mark.parametrize("family", MASKED)
    @pytest.mark.parametrize("source", CLOZES)
    def test_a_cloze_reads_as_the_tokenizer_reads_it(self, family, source, loaded):
        model = loaded(family)
        filled = source.replace(r"\[", "[").replace(r"\]", "]")
        filled = filled.replace("[MASK]", model.tokenizer.mask_token).format_map(ROW)
        encoded = one(model, source)
        assert list(encoded.ids) == model.tokenizer(filled)["input_ids"]
        mask = model.tokenizer.mask_token_id
        assert encoded.answer == tuple(i for i, t in enumerate(encoded.ids) if t == mask)
        assert len(encoded.answer) == Template(source).answer_slots

    @pytest.mark.parametrize("family", CAUSAL)
    @pytest.mark.parametrize("source", PREFIXES)
    def test_a_prefix_ends_where_the_answer_begins(self, family, source, loaded):
        model = loaded(family)
        filled = source.partition("[MASK]")[0].rstrip().format_map(ROW)
        encoded = one(model, source)
        assert list(encoded.ids) == model.tokenizer(filled)["input_ids"]
        assert encoded.answer == (len(encoded) - 1,)

    def test_rows_are_encoded_alone(self, loaded):
        model = loaded("bert")
        rows = [ROW, {**ROW, "text": "bad"}, {**ROW, "text": ""}]
        template = Template("{text} It was [MASK].")
        assert model.encode(template, rows) == [model.encode(template, [row])[0] for row in rows]
        assert model.encode(template, []) == []

    @pytest.mark.parametrize("family", CAUSAL)
    def test_a_causal_model_has_something_to_read_even_without_text(self, family, loaded):
        encoded = one(loaded(family), "{text}[MASK]", {"text": " "})
        assert len(encoded) >= 1
        assert encoded.answer == (len(encoded) - 1,)

    @pytest.mark.parametrize(
        "source", ["[MASK] {text}", "{text} [MASK].", "{text} [MASK] [MASK]", "[MASK] {a} [MASK]"]
    )
    def test_a_causal_model_needs_one_slot_at_the_end(self, source, loaded):
        with pytest.raises(TemplateError) as caught:
            one(loaded("gpt2"), source)
        assert caught.value.code == "template.causal_needs_prefix"
        assert caught.value.position == source.index("[MASK]")

    def test_an_end_of_text_that_the_tokenizer_appends_does_not_hide_the_slot(self, loaded):
        model = loaded("roberta")  # whose tokenizer appends </s>
        encoder = Encoder(model.tokenizer, causal=True, max_length=20)
        encoded = encoder.encode(Template("{text} It was [MASK]"), [ROW])[0]
        assert list(encoded.ids) == model.tokenizer(ROW["text"] + " It was")["input_ids"][:-1]
        assert encoded.answer == (len(encoded) - 1,)

    @pytest.mark.parametrize("kind", ["wordpiece", "byte-level", "unigram", "metaspace"])
    @pytest.mark.parametrize("strip", [{"lstrip": True}, {"rstrip": True}, {}])
    def test_slots_are_found_whatever_white_space_the_mask_token_swallows(self, kind, strip):
        tokenizer = tiny.make_tokenizer(kind)
        tokenizer.add_special_tokens({"mask_token": AddedToken("<hole>", special=True, **strip)})
        encoder = Encoder(tokenizer, causal=False, max_length=99)
        encoded = encoder.encode(Template("{a} [MASK] [SOFT*2] {b}"), [ROW])[0]
        kinds = [kind for kind in encoded.kinds if kind in ("answer", "soft")]
        assert kinds == ["answer", "soft", "soft"]
        holes = [i for i, token in enumerate(encoded.ids) if token == encoder.placeholder_id]
        assert [*encoded.answer, *(place for place, _ in encoded.soft)] == holes
        assert [vector for _, vector in encoded.soft] == [0, 1]


class TestTwoTexts:
    PAIRS = ("{a}[SEP]{b}[MASK]", "{a} [SEP] {b}[MASK]", "{a}  [SEP]\n{b}[MASK]")

    @pytest.mark.parametrize("family", MASKED)
    @pytest.mark.parametrize("source", PAIRS)
    def test_a_separator_stands_as_between_two_texts(self, family, source, loaded):
        model = loaded(family)
        encoded = one(model, source)
        second = ROW["b"] + model.tokenizer.mask_token
        pair = model.tokenizer(ROW["a"], second, return_token_type_ids=True)
        assert list(encoded.ids) == pair["input_ids"]
        assert list(encoded.types or [0] * len(encoded)) == pair["token_type_ids"]
        assert bool(encoded.types) == (family in ("bert", "albert"))

    def test_types_stay_beside_their_tokens_when_a_text_is_cut(self, loaded):
        model = loaded("bert")
        encoded = one(model, "{a} [SEP] {b} [MASK]", {"a": "good " * 40, "b": "bad " * 40})
        assert len(encoded.types) == len(encoded.ids) == model.max_length
        second = encoded.types.index(1)
        assert encoded.ids[second - 1] == model.tokenizer.sep_token_id
        assert set(encoded.types[second:]) == {1}
        assert encoded.ids[second] == model.encoder.word_ids("bad")[0]

    def test_a_third_text_is_of_the_second_type(self, loaded):
        encoded = one(loaded("bert"), "a [SEP] b [SEP] c [MASK]")
        assert encoded.types == (0, 0, 0, 1, 1, 1, 1, 1)

    def test_without_a_separator_there_is_one_type(self, loaded):
        assert one(loaded("bert"), "{a} ? [MASK] , {b}").types == ()

    @pytest.mark.parametrize("family", ["distilbert", "mpnet"])
    def test_a_network_that_knows_no_types_gets_none(self, family, loaded):
        encoded = one(loaded(family), "{a} [SEP] {b} [MASK]")
        assert encoded.types == ()
        assert encoded.ids.count(loaded(family).tokenizer.sep_token_id) == 2

    @pytest.mark.parametrize("family", CAUSAL)
    def test_a_causal_model_has_no_separator(self, family, loaded):
        with pytest.raises(TemplateError) as caught:
            one(loaded(family), "{a} [SEP] {b} [MASK]")
        assert caught.value.code == "template.no_separator"
        assert caught.value.position == 4


class TestKinds:
    def test_each_token_says_where_it_came_from(self, loaded):
        encoded = one(loaded("bert"), "[SOFT] {a} it [MASK] [TRIGGER*2].")
        assert encoded.kinds == (
            *("special", "soft", "field", "field", "field"),
            *("text", "answer", "trigger", "trigger", "text", "special"),
        )
        assert encoded.soft == ((1, 0),)
        assert encoded.answer == (6,)
        assert encoded.trigger == (7, 8)

    @pytest.mark.parametrize("family", [*MASKED, *CAUSAL])
    def test_soft_slots_keep_their_places_and_vectors(self, family, loaded):
        model = loaded(family)
        template = Template("[SOFT*2] {a} [SOFT#4]{b} [SOFT:good film] [SOFT#4] [MASK]")
        layout = model.soft_layout(template)
        words = model.encoder.word_ids("good film")
        shared = layout.slots[1]
        assert layout.slots[3] == shared
        assert layout.initial_ids == (None, None, None, *words)
        encoded = model.encode(template, [ROW])[0]
        vectors = [vector for _, vector in encoded.soft]
        assert vectors == [0, 1, *shared, *layout.slots[2], *shared]
        assert all(encoded.kinds[position] == "soft" for position, _ in encoded.soft)
        # without vectors a soft slot reads as its initial words, or as the placeholder
        read = [encoded.ids[position] for position, _ in encoded.soft]
        hole = model.encoder.placeholder_id
        assert read == [hole, hole, hole, *words, hole]


class TestHostileText:
    LITERALS = (
        "[MASK] <mask> </s> <s> [SEP][CLS] <pad> <unk> [PAD] [UNK] <|endoftext|> <|im_start|>"
        " <<mask>> [[MASK]] [MASK][MASK] <mask><mask> [mask] ＜mask＞ [MASK]"
    )

    @pytest.mark.parametrize("family", [*MASKED, *CAUSAL])
    @pytest.mark.parametrize("literal", LITERALS.split(" "))
    def test_what_a_person_typed_never_becomes_a_special_token(self, family, literal, loaded):
        model = loaded(family)
        encoded = one(model, "{text} so {text}: [MASK]", {"text": f"good {literal}bad"})
        unknown = model.tokenizer.unk_token_id
        typed = [
            token
            for token, kind in zip(encoded.ids, encoded.kinds, strict=True)
            if kind in ("text", "field")
        ]
        assert not special_ids(model) - {unknown} & set(typed)
        assert len(encoded.answer) == 1

    @pytest.mark.parametrize(
        ("family", "source", "row"),
        [
            ("bert", r"\[{a}\] It was [MASK].", {"a": "MASK"}),
            ("bert", "{a}{b} It was [MASK].", {"a": "[MA", "b": "SK]"}),
            ("bert", r"\[MASK\] {a} [MASK]", {"a": ""}),
            ("roberta", "<{a}> It was [MASK].", {"a": "mask"}),
            ("roberta", "{a}{b}> It was [MASK].", {"a": "<", "b": "/s"}),
            ("gpt2", "<|{a}|> It was [MASK]", {"a": "endoftext"}),
            ("gpt2", "<|{a}|> It was [MASK]", {"a": "im_start"}),
        ],
    )
    def test_nor_do_pieces_that_make_one_together(self, family, source, row, loaded):
        model = loaded(family)
        encoded = one(model, source, row)
        typed = {
            token
            for token, kind in zip(encoded.ids, encoded.kinds, strict=True)
            if kind in ("text", "field")
        }
        assert not special_ids(model) - {model.tokenizer.unk_token_id} & typed
        assert len(encoded.answer) == 1

    def test_the_text_itself_is_kept(self, loaded):
        encoded = one(loaded("roberta"), "{text} It was [MASK].", {"text": "a <mask> b"})
        shown = loaded("roberta").tokenizer.decode(encoded.ids, skip_special_tokens=True)
        assert "mask>" in shown


class TestTruncation:
    def test_what_fits_is_left_alone(self, loaded):
        encoded = one(loaded("bert"), "{text} It was [MASK].")
        assert encoded.cut == {}
        assert encoded.cut_tokens == ()

    @pytest.mark.parametrize("family", MASKED)
    def test_the_end_of_the_longest_field_goes_and_the_rest_stays(self, family, loaded):
        model = loaded(family)
        row = {"a": "good " * 60, "b": "bad cat"}
        encoded = one(model, "{a} so {b} It was [MASK] [SOFT*3].", row)
        whole = one(
            type(
                "Roomy",
                (),
                {"encode": Encoder(model.tokenizer, causal=False, max_length=999).encode},
            ),
            "{a} so {b} It was [MASK] [SOFT*3].",
            row,
        )
        over = len(whole) - model.max_length
        assert len(encoded) == model.max_length
        assert encoded.cut == {"a": over}
        assert len(encoded.cut_tokens) == over
        [place] = {place for place, _ in encoded.cut_tokens}
        assert encoded.ids[:place] == whole.ids[:place]
        assert encoded.ids[place:] == whole.ids[place + over :]
        assert tuple(token for _, token in encoded.cut_tokens) == whole.ids[place : place + over]
        assert encoded.kinds[encoded.answer[0]] == "answer"
        assert len(encoded.soft) == 3

    def test_two_long_fields_are_cut_to_like_length(self, loaded):
        model = loaded("bert")
        encoded = one(model, "{a} ? [MASK] , {b}", {"a": "good " * 70, "b": "bad " * 50})
        assert len(encoded) == model.max_length
        assert set(encoded.cut) == {"a", "b"}
        left = {w: encoded.ids.count(model.encoder.word_ids(w)[0]) for w in ("good", "bad")}
        assert abs(left["good"] - left["bad"]) <= 1
        assert encoded.cut == {"a": 70 - left["good"], "b": 50 - left["bad"]}

    @pytest.mark.parametrize(
        ("truncation", "left"),
        [
            ("tail", "a a a a a a b b"),  # the end of the last field, then of the one before
            ("head", "a b b b b b b b"),
            ("balanced", "a a a a b b b b"),
        ],
    )
    def test_what_goes_is_chosen(self, truncation, left, loaded):
        encoder = Encoder(loaded("bert").tokenizer, causal=False, max_length=8 + 3)
        template = Template("{a} {b} [MASK]", truncation=truncation)
        row = {"a": "a " * 6, "b": "b " * 7}
        [encoded] = encoder.encode(template, [row])
        tokens = encoder.tokenizer.convert_ids_to_tokens(encoded.ids)
        assert tokens == ["[CLS]", *left.split(), "[MASK]", "[SEP]"]
        assert sum(encoded.cut.values()) == 13 - 8

    def test_a_beginning_that_is_cut_stood_at_the_beginning(self, loaded):
        encoder = Encoder(loaded("bert").tokenizer, causal=False, max_length=6)
        template = Template("so {a} [MASK]", truncation="head")
        [encoded] = encoder.encode(template, [{"a": "a b c"}])
        gone = encoder.tokenizer.convert_tokens_to_ids(["a", "b"])
        assert encoded.cut == {"a": 1}
        assert encoded.cut_tokens == ((2, gone[0]),)

    @given(data=st.data())
    @settings(max_examples=150, deadline=None)
    def test_only_what_may_be_cut_is_ever_cut(self, data, loaded):
        family = data.draw(st.sampled_from(["bert", "roberta", "albert", "gpt2", "llama"]))
        causal = family in CAUSAL
        pieces = ["{a}", "{b!}", "{c}", "[SOFT*2]", "[TRIGGER*2]", " It was ", " "]
        pieces += [] if causal else ["[MASK]", "[SEP]"]
        source = "".join(data.draw(st.lists(st.sampled_from(pieces), max_size=7))) + " [MASK]"
        truncation = data.draw(st.sampled_from(["tail", "head", "balanced"]))
        template = Template(source, truncation=truncation)
        texts = st.lists(st.sampled_from(["good", "bad", "film!", "这部", "so"]), max_size=12)
        row = {name: " ".join(data.draw(texts)) for name in "abc"}
        room = data.draw(st.integers(8, 40))
        tokens = data.draw(st.integers(1, 3))
        tokenizer = loaded(family).tokenizer

        def read(max_length: int):
            encoder = Encoder(tokenizer, causal=causal, max_length=max_length, token_types=2)
            return encoder.encode(template, [row], answer_tokens=tokens)[0]

        whole = read(999)
        try:
            encoded = read(room)
        except TemplateError:  # what may not be cut is too long by itself
            reject()
        assert len(encoded) == min(len(whole), room - (tokens - 1 if causal else 0))
        assert len(encoded.answer) == len(whole.answer)
        assert len(encoded.soft) == len(whole.soft)
        assert encoded.cut.get("b", 0) == 0
        assert sum(encoded.cut.values()) == len(encoded.cut_tokens) == len(whole) - len(encoded)
        restored = list(encoded.ids)
        for place, token in reversed(encoded.cut_tokens):
            restored.insert(place, token)
        assert tuple(restored) == whole.ids
        assert fixed(encoded) == fixed(whole)

    def test_a_field_that_must_be_kept_is_kept(self, loaded):
        model = loaded("bert")
        encoded = one(model, "{a!} ? [MASK] , {b}", {"a": "good " * 30, "b": "bad " * 30})
        assert encoded.ids.count(model.encoder.word_ids("good")[0]) == 30
        assert set(encoded.cut) == {"b"}

    @pytest.mark.parametrize(
        "source", ["{a!} [MASK]", "{b} [SOFT*50] [MASK]", "good " * 60 + "{b} [MASK]"]
    )
    def test_a_template_that_cannot_fit_says_so(self, source, loaded):
        model = loaded("bert")
        with pytest.raises(TemplateError) as caught:
            one(model, source, {"a": "good " * 60, "b": "bad"})
        assert caught.value.code == "template.too_long"
        assert caught.value.details["room"] == model.max_length
        assert caught.value.details["tokens"] > model.max_length

    def test_a_causal_model_reads_to_the_slot_and_the_end_of_the_template_stays(self, loaded):
        model = loaded("gpt2")
        encoded = one(model, "{a} It was [MASK]", {"a": "good " * 60})
        assert len(encoded) == model.max_length
        ending = model.tokenizer(" It was")["input_ids"]
        assert list(encoded.ids[-len(ending) :]) == ending

    @pytest.mark.parametrize("family", ["bert", "roberta", "mpnet", "gpt2", "llama"])
    def test_a_full_row_fits_the_network(self, family, loaded):
        model = loaded(family)
        encoded = model.encode(Template("{a} It was [MASK]"), [{"a": "good " * 99}])
        assert len(encoded[0]) == model.max_length
        assert model.answer_logits(encoded).isfinite().all()
