"""A corpus of a few hundred made-up documents, and recipes small enough for it."""

import bz2
import random
from dataclasses import replace
from pathlib import Path

from playground.models.pretraining.recipe import Recipe, Rows

ANIMALS, FOODS = ("cat", "dog", "horse", "mouse"), ("bread", "cheese", "hay", "fish")
PLACES, TOOLS = ("harbour", "station", "market", "castle"), ("hammer", "ladder", "rope", "lantern")
SOURCES = {"animals": 2.0, "places": 1.0}


def documents(source: str, count: int = 150) -> list[list[str]]:
    """Documents of three paragraphs of three sentences, different from each other."""
    chance = random.Random(source)
    people, things = (ANIMALS, FOODS) if source == "animals" else (PLACES, TOOLS)
    return [
        [
            " ".join(
                f"The {chance.choice(people)} {number} wanted some {chance.choice(things)}."
                if source == "animals"
                else f"At the {chance.choice(people)} {number} lay a {chance.choice(things)}."
                for _ in range(3)
            )
            + f" It was day {number} of part {part}."
            for part in range(3)
        ]
        for number in range(count)
    ]


def write_corpus(folder: Path) -> Path:
    """The documents of both sources as a corpus folder holds them."""
    folder.mkdir(parents=True, exist_ok=True)
    for source in SOURCES:
        write_source(folder, source, documents(source))
    return folder


def write_source(folder: Path, source: str, texts: list[list[str]]) -> None:
    text = "\n".join("".join(f"{paragraph}\n" for paragraph in document) for document in texts)
    (folder / f"{source}.txt.bz2").write_bytes(bz2.compress(text.encode()))


MASKED = Recipe(
    name="pocket-bert",
    kind="masked",
    mix=SOURCES,
    rows=(Rows(32, 0.5), Rows(16, 0.5, whole_sentences=True)),
    neighbours=((-1, 1, -2, 2), (-3, 3)),
    tokens=12_000,
    vocabulary=300,
    width=64,
    feed_forward=64,
    positions=40,
    batch_tokens=256,
    warmup_steps=5,
)
CAUSAL = replace(
    MASKED,
    name="pocket-gpt",
    kind="causal",
    rows=(Rows(32, 1.0),),
    neighbours=((-1, -2, -3, -4),),
    vocabulary=400,  # of which 256 are bytes
)
RECIPES = {"masked": MASKED, "causal": CAUSAL}
