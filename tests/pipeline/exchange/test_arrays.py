import pickle
import re
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dastm.contract.errors import DataError
from dastm.contract.skeleton import NTU25, OPENPOSE18
from pipeline.exchange.arrays import ArraySubset, check_layout, read_arrays, usual_layout
from tests.oracles.hand_made import STICK
from tests.pipeline.array_files import LABELS, STORED, change, true_frames, write_arrays

pytestmark = pytest.mark.slow


@pytest.fixture
def arrays(tmp_path):
    return write_arrays(tmp_path / "arrays")


def test_clips_are_the_stored_values_with_the_bodies_first(arrays):
    parts = read_arrays(arrays)
    assert list(parts) == ["train", "val", "test"]
    for name, part in parts.items():
        stored_NCTVM = np.load(arrays / f"{name}_data.npy")
        assert len(part) == len(stored_NCTVM)
        assert part.labels_N.tolist() == LABELS[name]
        assert part.frames_N.tolist() == [true_frames(row) for row in range(len(part))]
        for row in range(len(part)):
            clip_MTVC = part.clip(row)
            assert clip_MTVC.shape == (2, STORED, 25, 3)
            for m in range(2):
                for c in range(3):
                    np.testing.assert_array_equal(clip_MTVC[m, :, :, c], stored_NCTVM[row, c, :, :, m])


@pytest.mark.parametrize("dtype", ["<f2", "<f8", ">f4", "<f4"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_floats_of_any_width_and_order_are_read_as_float32(arrays, dtype, order):
    original = np.load(arrays / "val_data.npy")
    np.save(arrays / "val_data.npy", np.asarray(original, dtype, order=order))
    clip_MTVC = read_arrays(arrays)["val"].clip(2)
    assert clip_MTVC.dtype == np.float32
    expected = original[2].astype(dtype).astype(np.float32).transpose(3, 1, 2, 0)
    np.testing.assert_array_equal(clip_MTVC, expected)


@pytest.mark.parametrize("dtype", [np.uint8, np.int32, ">i8", np.uint64, np.float32, np.float64])
def test_labels_and_frame_counts_are_whole_numbers_of_any_type(arrays, dtype):
    for what in ("label", "frame"):
        path = arrays / f"train_{what}.npy"
        np.save(path, np.load(path).astype(dtype))
    part = read_arrays(arrays)["train"]
    assert part.labels_N.dtype == part.frames_N.dtype == np.int64
    assert part.labels_N.tolist() == LABELS["train"]
    assert part.frames_N.tolist() == [true_frames(row) for row in range(7)]


def test_data_stays_on_disk(tmp_path):
    """360 MB of data, most of it a hole in the file."""
    write_arrays(tmp_path)
    shape = (2000, 3, 300, 25, 2)
    data = np.lib.format.open_memmap(tmp_path / "train_data.npy", mode="w+", dtype=np.float32, shape=shape)
    data[-1] = 1.5
    data.flush()
    np.save(tmp_path / "train_label.npy", np.zeros(2000, int))
    np.save(tmp_path / "train_frame.npy", np.full(2000, 300))
    tracemalloc.start()
    clip_MTVC = read_arrays(tmp_path)["train"].clip(1999)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (clip_MTVC == 1.5).all()
    assert peak < 2e6


@pytest.mark.parametrize(
    ("value", "dtype", "shown"), [(np.nan, "<f4", "nan"), (-np.inf, "<f4", "-inf"), (1e39, "<f8", "inf")]
)
def test_a_value_that_is_not_finite_is_named_with_its_place(arrays, value, dtype, shown):
    path = arrays / "test_data.npy"
    np.save(path, np.load(path).astype(dtype))
    change(arrays, "test_data", (1, 2, 11, 24, slice(None)), value)
    part = read_arrays(arrays)["test"]
    assert part.clip(0).any()
    place = f"{path}: clip 1: {shown} at coordinate 2, frame 11, joint 24, body 0, expected finite numbers (2 are not)"
    with pytest.raises(DataError, match=f"^{re.escape(place)}$"):
        part.clip(1)


EXPECTED_DATA = r"expected floats \(clips, coordinates, frames, joints, 2\)"
FOUR = np.zeros(4)
DATA = np.zeros((4, 3, STORED, 25, 2), np.float32)
REFUSED = {
    "data without bodies": ("val_data", DATA[..., 0], rf"float32 \(4, 3, 12, 25\), {EXPECTED_DATA}"),
    "data of whole numbers": ("val_data", DATA.astype(int), rf"int64 \(4, 3, 12, 25, 2\), {EXPECTED_DATA}"),
    "complex data": ("val_data", DATA.astype(complex), rf"complex128 .*, {EXPECTED_DATA}"),
    "data of texts": ("val_data", DATA.astype(str), rf"<U\d+ .*, {EXPECTED_DATA}"),
    "records": ("val_data", np.zeros((4, 3, 9, 25, 2), [("x", "f4")]), EXPECTED_DATA),
    "no joints": ("val_data", DATA[:, :, :, :0], rf"\(4, 3, 12, 0, 2\), {EXPECTED_DATA}"),
    "no frames": ("val_data", DATA[:, :, :0], rf"\(4, 3, 0, 25, 2\), {EXPECTED_DATA}"),
    "an empty part": ("val_data", DATA[:0], r"shape \(0, 3, 12, 25, 2\), expected at least one clip"),
    "objects": ("val_data", DATA.astype(object), r"cannot be read \(.*Python objects.*\), expected a \.npy array"),
    "too few labels": ("val_label", FOUR[:3], "3 numbers, expected 4, a class id for each clip of the data"),
    "too many labels": ("val_label", np.zeros(5, int), "5 numbers, expected 4, a class id"),
    "labels as columns": ("val_label", FOUR[:, None], r"float64 \(4, 1\), expected whole numbers \(4,\)"),
    "one label": ("val_label", np.array(3), r"int64 \(\), expected whole numbers \(4,\)"),
    "labels as names": ("val_label", np.array(["a", "b", "c", "d"]), r"<U1 \(4,\), expected whole numbers \(4,\)"),
    "labels as objects": ("val_label", FOUR.astype(object), "Python objects"),
    "labels yes or no": ("val_label", FOUR > 0, r"bool \(4,\), expected whole numbers"),
    "a negative label": (
        "val_label",
        [2, -1, 2, 4],
        "clip 1: class id -1, expected a whole number from 0 to 2147483647",
    ),
    "half a label": ("val_label", [2, 2, 2, 4.5], "clip 3: class id 4.5, expected a whole number"),
    "a label that is not one": ("val_label", [2, np.nan, 2, 2], "clip 1: class id nan, expected a whole number"),
    "a label without end": ("val_label", [2, 2, np.inf, 2], "clip 2: class id inf, expected a whole number"),
    "a huge label": ("val_label", [2, 2, 2**31, 2], "clip 2: class id 2147483648, expected a whole number"),
    "a label beyond int64": ("val_label", np.full(4, 2**64 - 1, np.uint64), "class id 18446744073709551615, expected"),
    "too few counts": ("val_frame", np.ones(3), "3 numbers, expected 4, a frame count for each clip of the data"),
    "no true frame": ("val_frame", [12, 0, 9, 1], "clip 1: frame count 0, expected a whole number from 1 to 12"),
    "more frames than stored": ("val_frame", [12, 12, 13, 1], "clip 2: frame count 13, expected .* from 1 to 12"),
    "half a frame": ("val_frame", [12, 11.5, 1, 1], "clip 1: frame count 11.5, expected a whole number"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_arrays_that_do_not_fit_are_one_line(arrays, what):
    name, array, message = REFUSED[what]
    path = arrays / f"{name}.npy"
    np.save(path, array)
    with pytest.raises(DataError, match=f"^{re.escape(str(path))}: .*{message}") as caught:
        read_arrays(arrays)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", [f"{part}_{what}" for part in LABELS for what in ("data", "label", "frame")])
def test_every_one_of_the_nine_files_is_needed(arrays, name):
    path = arrays / f"{name}.npy"
    path.unlink()
    with pytest.raises(DataError, match=f"^{re.escape(str(path))}: not there, expected <part>_data.npy, <part>_label"):
        read_arrays(arrays)


class Payload:
    """Unpickling it makes a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


def not_an_array(path, what):
    if what == "a pickle":
        path.write_bytes(pickle.dumps(Payload(path.with_name("made"))))
    elif what == "objects that run":
        np.save(path, np.array([Payload(path.with_name("made"))], object), allow_pickle=True)
    elif what == "a zip of arrays":
        with path.open("wb") as file:
            np.savez(file, data=DATA)
    elif what == "a folder":
        path.unlink()
        path.mkdir()
    else:
        data = path.read_bytes()
        path.write_bytes({"empty": b"", "text": b"1 2 3", "cut off": data[:-1], "cut in its header": data[:40]}[what])


@pytest.mark.parametrize(
    "what",
    ["a pickle", "objects that run", "a zip of arrays", "a folder", "empty", "text", "cut off", "cut in its header"],
)
@pytest.mark.parametrize("name", ["train_data", "test_label"])
def test_a_file_that_is_no_array_is_one_line_and_nothing_in_it_runs(arrays, name, what):
    path = arrays / f"{name}.npy"
    not_an_array(path, what)
    with pytest.raises(DataError, match=rf"^{re.escape(str(path))}: cannot be read \(.+\), expected a \.npy") as caught:
        read_arrays(arrays)
    assert "\n" not in str(caught.value)
    assert not (arrays / "made").exists()


@pytest.fixture(scope="module")
def damaged(tmp_path_factory):
    return write_arrays(tmp_path_factory.mktemp("damaged"))


@settings(deadline=None, max_examples=300)
@given(at=st.integers(0, 127), value=st.integers(0, 255), name=st.sampled_from(["val_data", "val_label", "val_frame"]))
@example(at=67, value=9, name="val_data")  # one digit of the number of frames is a blank
@pytest.mark.filterwarnings("ignore:Reading `.npy`:UserWarning")
def test_a_damaged_header_is_read_or_refused(damaged, at, value, name):
    path = damaged / f"{name}.npy"
    sound = path.read_bytes()
    path.write_bytes(sound[:at] + bytes([value]) + sound[at + 1 :])
    try:
        parts, message = read_arrays(damaged), ""
    except DataError as error:
        parts, message = {}, str(error)
    path.write_bytes(sound)
    # Another length of the data shows at its labels, another number of its frames at their counts.
    assert all(len(part) == len(part.frames_N) for part in parts.values())
    others = {"val_data": ["val_label", "val_frame"]}.get(name, ["val_label"])
    blamed = tuple(f"{damaged / its}.npy: " for its in (name, *others))
    assert bool(parts) != message.startswith(blamed)


def subset_of(shape):
    data = np.zeros(shape, np.float32)
    ones = np.ones(shape[0], np.int64)
    path = Path("x_data.npy")
    return ArraySubset(name="x", path=path, label_path=path, data_NCTVM=data, labels_N=ones, frames_N=ones)


def test_the_layout_is_told_by_the_number_of_joints():
    assert usual_layout(subset_of((1, 3, 5, 25, 2))) is NTU25
    assert usual_layout(subset_of((1, 3, 5, 18, 2))) is OPENPOSE18
    message = r"^x_data.npy: 20 joints, expected 25 \(ntu25\), 18 \(openpose18\), 17 \(coco17\); for another"
    with pytest.raises(DataError, match=message):
        usual_layout(subset_of((1, 3, 5, 20, 2)))


@pytest.mark.parametrize("shape", [(1, 2, 5, 25, 2), (1, 3, 5, 18, 2), (1, 3, 5, 25, 1), (1, 3, 5, 2, 25)])
def test_another_shape_than_the_layouts_is_one_line(shape):
    expected = rf"^x_data.npy: shape {re.escape(str(shape))}, expected \(clips, 3, frames, 25, 2\) as layout ntu25 has$"
    with pytest.raises(DataError, match=expected):
        check_layout(subset_of(shape), NTU25)


def test_a_shape_that_fits_its_layout_passes():
    check_layout(subset_of((1, 3, 300, 25, 2)), NTU25)
    check_layout(subset_of((2, 3, 1, 4, 2)), STICK)
