"""The bench of readers runs on every form, and says how fast each is."""

import pytest

from pipeline.parse.tools import TOOLS
from tests.bench import form_rates

pytestmark = pytest.mark.unmeasured

NOT_MADE = {"utd_mat", "ntu_npy", "videopose_npz", "amass_npz", "deeplabcut_h5", "sleap_h5"} | {
    "penn_mat",
    "jhmdb_mat",
}
"""Binary forms, whose packages do the reading."""


def test_every_form_that_is_read_here_has_a_row():
    assert set(form_rates.FORMS) == set(TOOLS) - NOT_MADE


@pytest.mark.parametrize("form", form_rates.FORMS)
def test_the_clips_that_are_made_are_read(form):
    rate, frames = form_rates.measured(form, *form_rates.FORMS[form], mb=0.02)
    assert rate > 0
    assert frames > 0


@pytest.mark.parametrize("name", form_rates.OTHERS)
def test_other_clips_of_a_form_are_read(name):
    form, made = form_rates.OTHERS[name]
    rate, frames = form_rates.measured(form, made, None, mb=0.05)
    assert rate > 0
    assert frames > 0


@pytest.mark.parametrize(("least", "mark"), [(0, ""), (1e9, "  below 1e+09")])
def test_a_slow_reader_is_marked(capsys, monkeypatch, least, mark):
    monkeypatch.setattr(form_rates, "LEAST_MB", least)
    form_rates.main(["trc", "--mb", "0.02"])
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["(json.loads)", "(float)", "trc"]
    assert lines[-1].endswith(f"frames/s{mark}")
