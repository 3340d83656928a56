"""What the figures of the page share, in either theme: frame, axes, colours, texts.

A figure is ``{"data": [...], "layout": {...}}`` and can be turned into JSON; plotly.py, which
takes long to import, is never needed. Colours and font families are written as CSS variables
(``"var(--body-text-color)"``): ``drawing.js`` looks them up each time that it draws, so one figure
serves the light and the dark theme. Plotly reads tags such as ``<b>`` and ``<a href>`` in any
text, so every text that a person or a model supplied goes through ``plain_text``.
"""

from collections.abc import Mapping
from typing import Any

Figure = dict[str, Any]

NEUTRAL = "var(--pg-neutral)"
QUIET = "var(--pg-quiet)"
INK = "var(--pg-ink)"
DEV = "var(--pg-dev)"
SOFT = "var(--pg-soft)"


def plain_text(text: object) -> str:
    """``text`` so that Plotly shows its characters and never reads them as markup."""
    return str(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def layout(height: int, margin: Mapping[str, int]) -> dict[str, Any]:
    """The frame of a figure: ``height`` and ``margin`` in pixels."""
    return {
        "height": height,
        "margin": {"pad": 0, **margin},
        "autosize": True,
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"family": "var(--font)", "size": 12, "color": "var(--body-text-color)"},
        "showlegend": False,
        "hoverlabel": {
            "bgcolor": "var(--background-fill-primary)",
            "bordercolor": "var(--border-color-primary)",
            "font": {"family": "var(--font)", "size": 12, "color": "var(--body-text-color)"},
            "align": "left",
            "namelength": -1,
        },
    }


def axis(**more: Any) -> dict[str, Any]:
    return {
        "gridcolor": "var(--pg-grid)",
        "gridwidth": 1,
        "zeroline": False,
        "showline": False,
        "ticks": "",
        "tickfont": {"size": 11, "color": QUIET},
        **more,
    }
