"""Pages that open from disk with no network: templates in, one HTML file out.

In: a template's name and what it shows. Out: the file, under its name only when whole; the same values give the same
bytes. Names from the data are escaped.
"""

from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from pipeline.work import paths


def render(template: str, **values: Any) -> bytes:
    """A page of `pipeline/inspect/templates`."""
    environment = Environment(
        loader=PackageLoader("pipeline.inspect", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template(template).render(**values).encode("utf-8", "backslashreplace")


def write_whole(path: Path, data: bytes) -> None:
    """The file appears under its name only when whole; OSError where it cannot be written."""
    with paths.single_file(path) as file:
        file.write(data)
