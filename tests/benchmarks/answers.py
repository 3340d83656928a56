"""Asking: the answer to one example, labels for a test split, and tokenizing by itself."""

from collections.abc import Callable, Iterator

import playground as pg
from playground.inference.look import look
from playground.tasks import Task
from tests.benchmarks.plain_loop import MODEL, PlainLoop
from tests.benchmarks.timing import Figure, compared, take_turns

PART = "answers"
TEMPLATE = pg.Template("{text} It was [MASK].")
TOP_K = 10
BATCH_SIZES = (8, 16, 32, 64)


def measure(effort: float) -> Iterator[Figure]:
    """Yields the figures; ``effort`` scales the number of rounds."""
    model, plain = pg.load_model(MODEL), PlainLoop()
    task = pg.load_task("reviews")
    yield from _latency(model, plain, task, round(120 * effort))
    yield from _throughput(model, plain, task, round(15 * effort))
    yield from _tokenizing(model, plain, task, round(30 * effort))


def _latency(
    model: pg.LanguageModel, plain: PlainLoop, task: Task, rounds: int
) -> Iterator[Figure]:
    """The answer to one example after the other, as they come while someone types."""
    texts = task.split("test")["text"].tolist()
    verbalizer = task.verbalizers[0].verbalizer

    def ours(number: int) -> list[float]:
        row = {"text": texts[number % len(texts)]}
        table = pg.answer_distribution(model, TEMPLATE, row, top_k=TOP_K)
        return list(table["probability"])

    def page(number: int) -> object:
        row = {"text": texts[number % len(texts)]}
        return look(model, TEMPLATE, row, verbalizer, top_k=TOP_K)

    def theirs(number: int) -> list[float]:
        found = plain.distribution(texts[number % len(texts)], TOP_K)
        return [probability for _, probability in found]

    seconds = take_turns({"ours": ours, "page": page, "plain": theirs}, rounds)
    apart = max(abs(a - b) for n in range(20) for a, b in zip(ours(n), theirs(n), strict=True))
    for candidate, name, note in (
        ("ours", "answer to one example", f"probabilities differ by {apart:.4f} at most"),
        ("page", "one look of the page", "with token chips and labels, which the loop lacks"),
    ):
        yield compared(
            PART, name, "ms", seconds[candidate], seconds["plain"], lambda s: 1000 * s, note=note
        )


def _throughput(
    model: pg.LanguageModel, plain: PlainLoop, task: Task, rounds: int
) -> Iterator[Figure]:
    """Labels for the whole test split at once."""
    table = task.split("test")
    texts = table["text"].tolist()
    verbalizer = task.verbalizers[0].verbalizer
    word_ids = plain.word_ids(verbalizer.all_words)

    def batches_of(size: int) -> Callable[[int], object]:
        return lambda _: plain.classify(texts, word_ids, size)

    def ours(_: int) -> object:
        model.encoder.tokens.forget()  # texts that a round before has read
        return pg.classify(model, TEMPLATE, verbalizer, table)

    seconds = take_turns(
        {
            "ours": ours,
            **{str(size): batches_of(size) for size in BATCH_SIZES},
        },
        rounds,
    )
    best = min(map(str, BATCH_SIZES), key=lambda size: sorted(seconds[size])[rounds // 2])
    found = pg.classify(model, TEMPLATE, verbalizer, table)["prediction"]
    labels = plain.classify(texts, word_ids, 16).argmax(1).tolist()
    same = sum(a == verbalizer.labels[b] for a, b in zip(found, labels, strict=True))
    notes = {best: f"the loop's best of batches of {', '.join(map(str, BATCH_SIZES))}"}
    notes["16"] = f"same label for {same} of {len(texts)} examples; {notes.get('16', '')}"
    for size, note in sorted(notes.items()):
        yield compared(
            PART,
            f"classify, loop in batches of {size}",
            "examples/s",
            seconds["ours"],
            seconds[size],
            lambda s: len(texts) / s,
            note=note.removesuffix("; "),
        )


def _tokenizing(
    model: pg.LanguageModel, plain: PlainLoop, task: Task, rounds: int
) -> Iterator[Figure]:
    """From rows to token ids and the places of the slots, one by one and all at once."""
    texts = task.split("test")["text"].tolist()
    rows = [{"text": text} for text in texts]

    def afresh(batches: list[list[dict[str, str]]]) -> object:
        model.encoder.tokens.forget()
        return [model.encode(TEMPLATE, batch) for batch in batches]

    seconds = take_turns(
        {
            "one by one": lambda _: afresh([[row] for row in rows]),
            "plain, one by one": lambda _: [plain.tokenizer(plain.prompt(t)) for t in texts],
            "all at once": lambda _: afresh([rows]),
            "plain, all at once": lambda _: plain.tokenizer([plain.prompt(t) for t in texts]),
        },
        rounds,
    )
    for way, note in (
        ("one by one", "with the places of the slots, which the loop looks up later"),
        ("all at once", ""),
    ):
        yield compared(
            PART,
            f"tokenizing, {way}",
            "µs/example",
            seconds[way],
            seconds[f"plain, {way}"],
            lambda s: 1e6 * s / len(texts),
            note=note,
        )
