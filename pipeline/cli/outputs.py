"""The single files that commands write, and how each is recognised: only such a file, or an empty one, is replaced."""

from dastm.contract.ownership import PAGE, FileKind, begins_with, csv_with, json_with
from pipeline.exchange.pickling import start

AUDIT = FileKind("a report of `dastm-data audit`", json_with("ok", "problems", "warnings"))
EXPORT = FileKind("an export of DASTM", begins_with(start() + b"}"))
CLIP_FILES = FileKind("an export of DASTM", begins_with(b"PK\x03\x04", b"export.yaml"))
FINDINGS_CSV = FileKind("findings of `dastm-data doctor`", csv_with("severity", "check", "what"))
FINDINGS_JSON = FileKind("findings of `dastm-data doctor`", begins_with(b'{"findings": ['))
STATS_CSV = FileKind("numbers of `dastm-data stats`", csv_with("of", "measure", "key", "value"))
STATS_JSON = FileKind("numbers of `dastm-data stats`", json_with("of", "dataset", "clips"))
GIF = FileKind("an animation of DASTM", begins_with(b"GIF8", b"dastm-data"))
ANIMATIONS = (PAGE, GIF)
