"""The report page: one HTML file from a Jinja template, everything inside it, every value escaped."""

from pathlib import Path

from jinja2 import Environment, StrictUndefined

TEMPLATE = Path(__file__).with_name("report.html.jinja")


def write_page(path: Path, content: dict[str, object]) -> None:
    """Fill the template in. Autoescape is on: names and values from the data cannot become HTML."""
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    page = environment.from_string(TEMPLATE.read_text(encoding="utf-8")).render(content)
    path.write_text(page, encoding="utf-8")
