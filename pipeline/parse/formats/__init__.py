"""Data sets' own formats, one clip a file: how a file is recognised, named and read.

To add one, add a module and a row of `FORMATS`, and its name in `pipeline/definitions/source_spec.py`. The files of
pose estimators and cameras are in `pipeline.parse.tools`, files with many clips in `pipeline.parse.sources`.
`ntu_skeleton` and `kinetics_json` pass plain files to a kernel, and files that it declines to `ntu_slow` and
`kinetics_slow`, which report the place and reason of every error.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

from dastm.contract.skeleton import Layout
from pipeline.parse.formats import kinetics_json, kinetics_slow, ntu_skeleton
from pipeline.parse.suffixes import has_suffix
from pipeline.tracks import ClipName, Tracks, mark_zeros

Entries = Mapping[str, tuple[str | None, int | None]]
"""A label list: clip -> label, label_index."""
LabelListReader = Callable[[bytes], Entries]


@dataclass(frozen=True, kw_only=True)
class RawFormat:
    """One raw format; all of its functions raise RefusedError and nothing else."""

    suffix: str
    facts_of_name: Callable[[str], ClipName]
    parse: Callable[[bytes, Layout], tuple[Tracks, str | None, int | None]]
    """Bytes of a file -> tracks, label, label_index (None if the contents of the file do not say)."""
    label_lists: Mapping[str, LabelListReader] = field(default_factory=dict)
    """File name of a label list, in small letters -> its reader."""

    def is_label_list(self, name: str) -> bool:
        """Whether a file of this name is a label list, not a clip."""
        return name.lower() in self.label_lists

    def read_label_list(self, name: str, data: bytes) -> Entries:
        """The entries of the label list of this name."""
        return self.label_lists[name.lower()](data)

    def read(self, data: bytes, layout: Layout, zero_is_missing: bool) -> tuple[Tracks, str | None, int | None]:
        """Parse a file like `parse`, with nan for 3-D joints at (0, 0, 0) if the format marks lost joints in this
        way."""
        tracks, label, label_index = self.parse(data, layout)
        return mark_zeros(tracks) if zero_is_missing else tracks, label, label_index


def _parse_ntu(data: bytes, layout: Layout) -> tuple[Tracks, str | None, int | None]:
    return ntu_skeleton.parse_skeleton(data, layout), None, None


FORMATS: Mapping[str, RawFormat] = {
    "ntu_skeleton": RawFormat(suffix=ntu_skeleton.SUFFIX, facts_of_name=ntu_skeleton.facts_of_name, parse=_parse_ntu),
    "kinetics_json": RawFormat(
        suffix=kinetics_json.SUFFIX,
        facts_of_name=kinetics_json.facts_of_name,
        parse=kinetics_json.parse_clip,
        label_lists=dict.fromkeys(kinetics_json.LIST_NAMES, kinetics_slow.parse_label_list),
    ),
}


def format_of(name: str, among: Collection[str] = tuple(FORMATS)) -> str | None:
    """The format of a file with this name, among these; None if it is none of them."""
    return next((known for known in among if has_suffix(name, FORMATS[known].suffix)), None)
