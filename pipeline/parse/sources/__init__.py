"""Sources: files that hold many clips, and folders of arrays that a definition describes.

A format (`pipeline.parse.formats`) reads a file that is one whole clip. A source first lists its clips with everything
that is known about them, and then reads single clips from their positions. To add a source, add a module and a row of
`SOURCES`, and its name in `pipeline/definitions/source_spec.py`.
"""

from collections.abc import Mapping

from pipeline.parse.sources.folder_arrays import FOLDER
from pipeline.parse.sources.members import Source
from pipeline.parse.sources.pyskl import PYSKL
from pipeline.parse.sources.stacks import STACKS

SOURCES: Mapping[str, Source] = {"pyskl_pickle": PYSKL, "array_stack": STACKS, "folder_arrays": FOLDER}
