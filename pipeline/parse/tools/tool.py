"""One tool's form of files: what it is called, how it is recognised, how it is read.

In and out: see `Tool`. All of them are listed in `pipeline.parse.tools.TOOLS`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from dastm.contract.skeleton import Layout
from pipeline.definitions.source_spec import SourceSpec
from pipeline.parse.tools.poses import NamedBytes, Poses

Reader = Callable[[Sequence[NamedBytes], SourceSpec, Layout | None], Poses]


@dataclass(frozen=True, kw_only=True)
class Tool:
    """A form of files."""

    what: str
    """In words: what one reads in messages."""
    suffixes: tuple[str, ...]
    read: Reader
    """The files of one clip -> its poses; RefusedError and nothing else. The layout is the definition's, if there is
    one: forms that say nothing of their joints need it."""
    action: Callable[[bytes], str] | None = None
    """A file -> what it calls its class, of forms that say it themselves."""
    frames: bool = False
    """A file is a frame, and the numbered files of a folder are a clip."""
