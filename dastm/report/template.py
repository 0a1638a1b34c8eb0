"""Values -> the text of a page: jinja2 templates of this package, everything from the data escaped."""

from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape


def rendered(name: str, **values: Any) -> str:
    """A template of `templates/` with these values."""
    environment = Environment(
        loader=PackageLoader("dastm.report", "templates"),
        autoescape=select_autoescape(default=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(name).render(**values)
