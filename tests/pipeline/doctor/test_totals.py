"""Counting clips and their classes."""

from pipeline.doctor.clips import Examined
from pipeline.doctor.totals import Totals


def test_clips_without_a_class_count_as_clips():
    totals = Totals()
    for class_id in (3, None, 3):
        totals.add(Examined(source="a", key=None, findings=(), class_id=class_id))
    assert (totals.clips, totals.classes) == (3, {3})
