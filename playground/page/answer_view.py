"""From a look at a prompt to what the page's components show of it."""

from typing import Any

from playground.errors import PlaygroundError
from playground.page import figures
from playground.page.look import Look
from playground.page.text import explain, say, texts


def aside(seen: Look, offered: dict[str, Any] | None, language: str) -> dict[str, Any]:
    """What stands beside the fields: mistakes, an offer to convert, words read otherwise."""

    def sentence(error: PlaygroundError | None) -> str:
        return "" if error is None else explain(error, language)

    return {
        "messages": {
            "header-message": sentence(seen.model_error),
            "template-message": offered["broken"] if offered else sentence(seen.template_error),
            "row-message": sentence(seen.row_error),
            "verbalizer-message": sentence(seen.verbalizer_error),
        },
        "offer": offered,
        "marks": {word: of for word, of in seen.spellings.items() if of != [word]},
    }


def chips(seen: Look, language: str) -> dict[str, Any]:
    """The value of `token_chips`: every token with its kind, and a line that counts them."""
    summary = say("chips.count", language, tokens=seen.length, room=seen.room)
    for name, count in seen.cut.items():
        summary += " " + say("chips.cut", language, count=count, field=name)
    if seen.unknown:
        summary += " " + say("chips.unknown", language, count=seen.unknown)
    tokens = [{**token, "title": say(f"chip.{token['kind']}", language)} for token in seen.tokens]
    return {"tokens": tokens, "summary": summary}


def answer_figure(seen: Look, language: str) -> dict[str, Any]:
    """The value of the figure of tokens at the answer slot, with its table."""
    names = texts(language, "figure.")
    columns = ("token", "token_id", "probability", "logit", "rank", "label")
    answers: list[Any] = seen.answers or []
    return {
        "figure": figures.answer_bars(
            answers,
            seen.other,
            say("figure.at_mask", language),
            {name.removeprefix("figure."): text for name, text in names.items()},
        ),
        "table": {
            "columns": [say(f"figure.{column}", language) for column in columns],
            "rows": [[row[column] for column in columns] for row in answers],
        },
        "name": "answer-distribution",
        "texts": names,
    }


def label_figure(seen: Look, truth: str | None, language: str) -> dict[str, Any]:
    """The value of the figure of labels, with its table."""
    assert seen.labels is not None
    assert seen.verbalizer is not None
    names = texts(language, "figure.")
    columns = ("label", "probability", "raw") if seen.raw else ("label", "probability")
    return {
        "figure": figures.label_bars(
            list(seen.labels),
            list(seen.labels.values()),
            seen.verbalizer.colours,
            truth,
            {name.removeprefix("figure."): text for name, text in names.items()},
            raw=None if seen.raw is None else list(seen.raw.values()),
            title=say(f"calibration.{seen.calibration}.note", language) if seen.raw else "",
        ),
        "table": {
            "columns": [say(f"figure.{column}", language) for column in columns],
            "rows": [
                [label, share, *([seen.raw[label]] if seen.raw else [])]
                for label, share in seen.labels.items()
            ],
        },
        "name": "labels",
        "texts": names,
    }


def prediction(seen: Look, truth: str | None, language: str) -> dict[str, Any]:
    """The value of `prediction_line`."""
    best = seen.prediction
    known = truth if seen.verbalizer is not None and truth in seen.verbalizer.labels else None
    return {
        "word": say("prediction.word", language),
        "label": best or "–",
        "colour": seen.verbalizer.colours.get(best or "", "") if seen.verbalizer else "",
        "truth": say("prediction.truth", language, label=known) if known else "",
        "verdict": "" if not known or not best else ("right" if known == best else "wrong"),
        "time": say("prediction.time", language, milliseconds=f"{seen.milliseconds:.0f}"),
    }
