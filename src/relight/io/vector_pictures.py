"""Figures as SVG that stands in a page: the same figure, the same text; letters stay letters, escaped."""

import io
import re
from typing import Any

from matplotlib import rc_context
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

SETTINGS: dict[Any, Any] = {"svg.hashsalt": "relight", "svg.fonttype": "none"}
NO_METADATA = dict.fromkeys(("Creator", "Date", "Format", "Type"))


def svg_text(figure: Figure, label: str) -> str:
    """The `svg` element, without prologue and fixed size.

    Args:
        label: what the picture is of, for those who cannot see it: letters, digits and spaces of the code.
    """
    buffer = io.StringIO()
    with rc_context(SETTINGS):
        FigureCanvasSVG(figure).print_svg(buffer, metadata=NO_METADATA)  # type: ignore[no-untyped-call]
    text = buffer.getvalue()
    element = re.sub(r"<metadata>.*?</metadata>", "", text[text.index("<svg") :], flags=re.DOTALL)
    head, body = element.split(">", 1)
    head = re.sub(r'\s(?:width|height)="[^"]*"', "", head)
    body = re.sub(r'<g id="[^"]*"', "<g", body)  # the same in every picture; a page must not have one twice
    return f'{head} role="img" aria-label="{label}">{body}'
