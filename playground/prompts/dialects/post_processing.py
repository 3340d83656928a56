"""OpenPrompt's ``post_processing``: functions of a text, known by their wording and never run."""

import re
from dataclasses import dataclass

from playground.prompts.dialects.dictionary import STRING, unquoted
from playground.prompts.syntax import is_punctuation

# Without "string", which OpenPrompt does not import wherever it evaluates a template.
WRITTEN = {"lower": ".lower()", "strip_punctuation": '.rstrip(" .,:;!?…\'\\"-")'}

_FUNCTION = re.compile(r"lambda\s+(\w+)\s*:\s*\1(?!\w)(?P<steps>.*)", re.DOTALL)
_STEP = re.compile(
    r"(?P<lower>\.lower\(\))"
    rf"|\.(?P<strip>r?strip)\((?:(?P<all>string\.punctuation)|(?P<marks>{STRING}))\)"
    r"|(?P<last>\[:-1\])"
    rf"|\s*\+\s*(?P<suffix>{STRING})\s*$"
)


@dataclass(frozen=True, slots=True)
class PostProcessing:
    """What a function does in our terms: filters, then text after it; ``exact`` or nearly."""

    filters: tuple[str, ...] = ()
    suffix: str = ""
    exact: bool = True


def known_post_processing(code: str) -> PostProcessing | None:
    """What ``code`` does, if it is one of a few common wordings."""
    function = _FUNCTION.fullmatch(code.strip())
    if function is None:
        return None
    steps, at = function["steps"].rstrip(), 0
    filters: list[str] = []
    suffix, exact = "", True
    while at < len(steps):
        step = _STEP.match(steps, at)
        if step is None:
            return None
        if step["suffix"]:
            suffix = unquoted(step["suffix"])
        elif step["marks"] and not is_punctuation(unquoted(step["marks"])):
            return None
        else:
            filters.append("lower" if step["lower"] else "strip_punctuation")
            exact &= bool(step["lower"] or (step["all"] and step["strip"] == "rstrip"))
        at = step.end()
    return PostProcessing(tuple(filters), suffix, exact)


def written_post_processing(filters: tuple[str, ...]) -> str | None:
    """The function that does what ``filters`` do, None where one of them has no counterpart."""
    if not all(name in WRITTEN for name in filters):
        return None
    return "lambda s: s" + "".join(WRITTEN[name] for name in filters)
