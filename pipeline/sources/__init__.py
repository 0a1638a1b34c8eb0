"""Sources beside the raw formats: files that hold many clips, and folders that a definition describes.

A format (`pipeline.formats`) is the bytes of one file, which say all of one clip. A source lists its clips first,
with all that is known of them, and reads one where it lies. A new source is a module and a row here.
"""

from collections.abc import Mapping

from pipeline.sources.folder_arrays import FOLDER
from pipeline.sources.members import Source
from pipeline.sources.pyskl import PYSKL
from pipeline.sources.stacks import STACKS

SOURCES: Mapping[str, Source] = {"pyskl_pickle": PYSKL, "array_stack": STACKS, "folder_arrays": FOLDER}
