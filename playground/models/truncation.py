"""Which tokens go where a filled-in template is longer than the model reads."""

from collections.abc import Sequence

from playground.errors import TemplateError
from playground.models.encoded import FIELD, Span
from playground.prompts import Truncation


def fit(
    ids: list[int], owners: list[Span | None], room: int, truncation: Truncation
) -> tuple[list[int], dict[str, int], tuple[tuple[int, int], ...]]:
    """The positions that stay, and what is cut of the fields; all else is never cut."""
    excess = len(ids) - room
    if excess <= 0:
        return list(range(len(ids))), {}, ()
    fields: dict[int, list[int]] = {}
    for position, owner in enumerate(owners):
        if owner is not None and owner.kind == FIELD and not owner.keep:
            fields.setdefault(id(owner), []).append(position)
    if sum(map(len, fields.values())) < excess:
        raise TemplateError(
            f"The filled-in template has {len(ids)} tokens and this model reads at most "
            f"{room}. Shorten the template, or let a field be cut (write {{text}} without "
            "the !).",
            code="template.too_long",
            tokens=len(ids),
            room=room,
        )
    dropped = _tokens_to_cut(list(fields.values()), excess, truncation)
    keep = [position for position in range(len(ids)) if position not in dropped]
    cut: dict[str, int] = {}
    cut_tokens: list[tuple[int, int]] = []
    kept_before = 0
    for position, token_id in enumerate(ids):
        if position in dropped:
            owner = owners[position]
            name = (owner.field or "") if owner is not None else ""
            cut[name] = cut.get(name, 0) + 1
            cut_tokens.append((kept_before, token_id))
        else:
            kept_before += 1
    return keep, cut, tuple(cut_tokens)


def _tokens_to_cut(
    fields: Sequence[Sequence[int]], excess: int, truncation: Truncation
) -> set[int]:
    """``excess`` of the positions that ``fields`` hold: those of each field that may be cut.

    Fields and positions are in the order of the text, at least ``excess`` in all. `Template` says
    what the three ways of cutting are.
    """
    in_order = [position for field in fields for position in field]
    if truncation == "head":
        return set(in_order[:excess])
    if truncation == "tail":
        return set(in_order[len(in_order) - excess :])
    left = [list(field) for field in fields]
    return {max(left, key=len).pop() for _ in range(excess)}
