"""What plain transformers makes of the built-in models' files is what we make of them."""

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoModelForMaskedLM, AutoTokenizer

from playground.models import load_model
from playground.models.built_in import FOLDER
from playground.prompts import Template

TEXT = "A wonderful, brilliant film. I loved every minute of it."
CASES = {
    "pocket-bert": (AutoModelForMaskedLM, "{text} It was [MASK]."),
    "pocket-gpt": (AutoModelForCausalLM, "{text} It was [MASK]"),
}


@pytest.mark.parametrize("name", CASES)
def test_plain_transformers_gives_the_same_answers(name):
    auto_model, source = CASES[name]
    tokenizer = AutoTokenizer.from_pretrained(FOLDER / name)
    network = auto_model.from_pretrained(FOLDER / name, dtype=torch.float32).eval()
    answer = tokenizer.mask_token or ""
    written = source.format(text=TEXT).replace("[MASK]", answer).rstrip()
    inputs = tokenizer(written, return_tensors="pt")
    with torch.no_grad():
        logits = network(**inputs).logits[0]
    model = load_model(name, precision="float32")
    encoded = model.encode(Template(source), [{"text": TEXT}])
    ids = inputs["input_ids"][0].tolist()
    assert list(encoded[0].ids) == ids
    place = ids.index(tokenizer.mask_token_id) if answer else -1  # a causal model answers last
    torch.testing.assert_close(
        model.answer_logits(encoded)[0, 0], logits[place], rtol=1e-4, atol=1e-4
    )
