"""The comparison as one HTML page: it opens offline, every value is escaped, its script is named by its hash."""

import base64
import hashlib
from pathlib import Path

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from relight.io.atomic import write_text

TEMPLATE, SCRIPT = Path(__file__).with_name("comparison.html.jinja"), Path(__file__).with_name("comparison.js")


def write_comparison(path: Path, content: dict[str, object], pictures: dict[str, str]) -> None:
    """Fill the template in.

    Args:
        pictures: SVG elements, whose letters are escaped, by name.

    Raises:
        InputError: when the page cannot be written.
    """
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    script = SCRIPT.read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    page = environment.from_string(TEMPLATE.read_text(encoding="utf-8")).render(
        content,
        pictures={name: Markup(picture) for name, picture in pictures.items()},
        script=Markup(script),
        script_hash=f"sha256-{digest}",
    )
    write_text(path, page)
