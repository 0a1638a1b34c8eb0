"""Files of tools written by hand, read as a clip."""

import json
from typing import Any

from dastm.contract.layouts import KNOWN_LAYOUTS
from dastm.contract.skeleton import Layout
from pipeline.definitions.source_spec import SourceSpec
from pipeline.parse.tools import TOOLS
from pipeline.parse.tools.poses import NamedBytes, Poses
from pipeline.parse.tools.recognise import HEAD_BYTES, recognise
from pipeline.parse.tools.tool_sources import read_alone
from pipeline.tracks import Tracks


def as_bytes(content: Any) -> bytes:
    if isinstance(content, bytes):
        return content
    return (content if isinstance(content, str) else json.dumps(content)).encode()


def named(files: dict[str, Any] | Any) -> list[NamedBytes]:
    """Files by name; anything else is the one file `clip`."""
    by_name = (
        files
        if isinstance(files, dict) and files and not any(name.endswith(".jpg") or "." not in name for name in files)
        else {"clip.json": files}
    )
    return [NamedBytes(name, as_bytes(content)) for name, content in by_name.items()]


def poses_of(form: str, files: Any, layout: Layout | str | None = None, **source: Any) -> Poses:
    """What the reader makes of it."""
    wanted = KNOWN_LAYOUTS[layout] if isinstance(layout, str) else layout
    return TOOLS[form].read(named(files), SourceSpec(**source), wanted)


def clip_of(form: str, files: Any, layout: Layout | str | None = None, **source: Any) -> Tracks:
    """The tracks, in the layout that is asked for or that the reader finds."""
    wanted = KNOWN_LAYOUTS[layout] if isinstance(layout, str) else layout
    return read_alone(form, named(files), SourceSpec(**source), wanted).tracks


def form_of(files: Any) -> str | None:
    """What the first file is taken for."""
    first = named(files)[0]
    return recognise(first.name, first.data[:HEAD_BYTES]).form
