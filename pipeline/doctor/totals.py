"""How much has been looked at, counted while findings stream by."""

from dataclasses import dataclass, field

from pipeline.doctor.clips import Examined

BAR_AFTER_S = 2.0
"""A progress bar shows from then on."""


@dataclass
class Totals:
    """What has been looked at."""

    clips: int = 0
    """Raw files, rows of tables and clips of shards."""
    outside_split: int = 0
    """Raw files of classes that `parse` leaves out, not looked at."""
    classes: set[int] = field(default_factory=set)
    """Their class ids."""

    def add(self, clip: Examined) -> None:
        """Count one clip."""
        self.clips += 1
        if clip.class_id is not None:
            self.classes.add(clip.class_id)
