"""Sources beside the raw formats: files that hold many clips, and folders that a definition describes.

A format (`pipeline.parse.formats`) is the bytes of one file, which say all of one clip. A source lists its clips first,
with all that is known of them, and reads one where it lies. A new source is a module and a row here.
"""

from collections.abc import Mapping

from pipeline.parse.sources.folder_arrays import FOLDER
from pipeline.parse.sources.members import Source
from pipeline.parse.sources.pyskl import PYSKL
from pipeline.parse.sources.stacks import STACKS

SOURCES: Mapping[str, Source] = {"pyskl_pickle": PYSKL, "array_stack": STACKS, "folder_arrays": FOLDER}
