"""Everything that can go wrong in a way a person can mend.

Each error is a sentence for people and carries a stable ``code`` with the values in the sentence,
so that the page can show it beside the right field and in the reader's language.
"""

from collections.abc import Mapping
from typing import Any


class PlaygroundError(Exception):
    """A sentence that says what is wrong, where, and what to do about it.

    ``code`` names the kind of mistake (``"template.unknown_field"``); ``details`` holds the values
    that the sentence mentions, for saying it again in another language.
    """

    def __init__(self, message: str, *, code: str = "", **details: object) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.details = details

    def to_json(self) -> dict[str, Any]:
        """For another process; `error_from_json` makes the error of it again."""
        return {
            "kind": type(self).__name__,
            "message": self.message,
            "code": self.code,
            "details": self.details,
        }


class TemplateError(PlaygroundError):
    """A template that cannot be read or filled in; ``position`` is an offset in its source."""

    def __init__(
        self, message: str, *, position: int | None = None, code: str = "", **details: object
    ) -> None:
        super().__init__(message, code=code, position=position, **details)
        self.position = position


class VerbalizerError(PlaygroundError):
    """A verbalizer that names no decision; ``label`` is the label concerned, where there is one."""

    def __init__(
        self, message: str, *, label: str | None = None, code: str = "", **details: object
    ) -> None:
        super().__init__(message, code=code, label=label, **details)
        self.label = label


class DataError(PlaygroundError):
    """A table that cannot be used; ``row`` counts the rows of data from 1."""

    def __init__(
        self, message: str, *, row: int | None = None, code: str = "", **details: object
    ) -> None:
        super().__init__(message, code=code, row=row, **details)
        self.row = row


class ModelError(PlaygroundError):
    """A model that cannot be found, loaded or used for what was asked."""


class SettingsError(PlaygroundError):
    """A setting out of its range; ``field`` is its name."""

    def __init__(
        self, message: str, *, field: str | None = None, code: str = "", **details: object
    ) -> None:
        super().__init__(message, code=code, field=field, **details)
        self.field = field


class RunError(PlaygroundError):
    """A run that does not exist, or that cannot do what was asked in its state."""


_KINDS = {kind.__name__: kind for kind in PlaygroundError.__subclasses__()}
_KINDS[PlaygroundError.__name__] = PlaygroundError


def error_from_json(told: Mapping[str, Any]) -> Exception:
    """What `PlaygroundError.to_json` tells of; RuntimeError where it tells of something else."""
    kind = _KINDS.get(told.get("kind", ""))
    if kind is None:
        return RuntimeError(told["message"])
    return kind(told["message"], code=told["code"], **told["details"])
