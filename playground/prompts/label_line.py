"""A verbalizer on one line, as people type it: ``negative: terrible, bad; positive: great``."""

from playground.prompts.labels import verbalizer_error
from playground.prompts.verbalizer import Verbalizer


def label_line(verbalizer: Verbalizer) -> str:
    """Labels and words, without colours and settings; `read_label_line` reads it."""
    return "; ".join(f"{row['label']}: {row['words']}" for row in verbalizer.to_rows())


def read_label_line(line: str) -> Verbalizer:
    """Labels with their words after a colon or an equals sign, a semicolon between labels.

    Raises VerbalizerError.
    """
    rows = []
    for part in filter(str.strip, line.split(";")):
        ends = [end for sign in ":=" if (end := part.find(sign)) >= 0]
        if not ends:
            raise verbalizer_error(
                "verbalizer.no_colon",
                "“{part}” has no colon between a label and its words. Write a verbalizer as in "
                "“negative: terrible, bad; positive: great”.",
                part=part.strip(),
            )
        rows.append({"label": part[: min(ends)], "words": part[min(ends) + 1 :]})
    return Verbalizer.from_rows(rows)
