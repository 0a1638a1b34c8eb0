"""The page: all that is promised is on it, it needs no network, data is escaped, the same run gives the same bytes."""

import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from dastm.config.evaluation import EvalConfig
from dastm.contract.errors import RunError
from dastm.evaluation.evaluator import evaluate_and_write
from dastm.report import sections
from dastm.report.page import write_report
from dastm.runs.checkpoint import load_checkpoint, save_checkpoint
from dastm.runs.record import TrainingRecord
from tests.browser import check_width_and_colours, needs_browser
from tests.toy import tiny, toy_shards, train_toy

pytestmark = [pytest.mark.slow, pytest.mark.unmeasured]

EPISODES = "test-4way-1shot-2q-6e-seed0"


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    root = tmp_path_factory.mktemp("toy")
    shards = toy_shards(root / "shards")
    manifest = root / "shards" / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"class 9"', '"<b>wave & bow</b>"'))
    train_toy(shards, root / "run")
    config = EvalConfig(n_way=4, n_query=2, episodes=6, baselines=("coordinates",))
    evaluate_and_write(config, root / "run", None, "cpu", None)
    return root / "run"


@pytest.fixture
def undrawn(monkeypatch):
    """Pages without the figures of a query, which take seconds, for tests of the words beside them."""
    monkeypatch.setattr(sections, "_drawn", lambda *_: sections.Drawn())


@pytest.fixture(scope="module")
def page(run):
    write_report([run], run / "report.html")
    return (run / "report.html").read_text()


def test_page_has_every_part(page):
    for heading in (
        "Accuracy",
        "Training",
        "How similar the joints of a skeleton",
        "What a query attends to",
        "aligned in time",
    ):
        assert f"<h3>{heading}" in page or heading in page
    assert "before training: mean" in page
    assert "after training: mean" in page
    assert "matching.gamma" in page
    assert "DASTM - coordinates (paired)" in page
    assert page.count("<svg") == 2 + 1 + 2 + 2 + 2  # histogram and confusion, curves, similarities, pairs, alignments


@needs_browser
def test_a_browser_shows_it_whole_in_light_and_dark_on_a_desk_and_on_a_phone(run, page):
    check_width_and_colours((run / "report.html").absolute())


def test_page_needs_no_network_and_runs_nothing(page):
    links = set(re.findall(r'(?:href|src|url)\s*[=(]\s*"?([^"\s)>]+)', page))
    assert not {link for link in links if not link.startswith(("#", "data:"))}
    assert "<script" not in page
    assert "@import" not in page


def test_names_from_the_data_are_escaped(page):
    assert "<b>wave" not in page
    assert "wave &amp; bow" in page


def test_same_run_same_bytes(run, page):
    write_report([run], run / "again.html")
    assert (run / "again.html").read_text() == page


@pytest.mark.usefixtures("blank_figures")
def test_models_without_activation_have_a_page_too(tmp_path):
    shards = toy_shards(tmp_path / "shards")
    train_toy(shards, tmp_path / "run", tiny(matching__spatial="none"))
    write_report([tmp_path / "run"], tmp_path / "page.html")
    text = (tmp_path / "page.html").read_text()
    assert "What a query attends to" not in text
    assert "Which joints the distance comes from" in text
    assert "Not evaluated yet" in text


@pytest.mark.usefixtures("blank_figures")
def test_a_pretrained_model_seen_through_fewer_frames_has_a_page(tmp_path):
    """Its curves begin with the episodes, its alignment has the frames that the network sees: 2 of 6 come to one."""
    shards = toy_shards(tmp_path / "shards")
    train_toy(shards, tmp_path / "run", tiny(pretrain__steps=3, pretrain__clips=12, augment__n_frames=2))
    write_report([tmp_path / "run"], tmp_path / "page.html")
    text = (tmp_path / "page.html").read_text()
    assert re.search(r"Before them, seed 0 learned the training classes: loss [\d.]+, [\d.]+ % right", text)
    assert "feature frames 1 and 1." in text


LACKING = {
    "ProtoNet": ({"spatial": "none", "temporal": "none"}, 0, ()),
    "NGM": ({"spatial": "self"}, 4, ("joints attend to their own skeleton", "how query joints attend to each other")),
    "block": ({"attention": "block", "attention_dropout": 0.2}, 4, ("Frame t attends to frame t alone",)),
}


@pytest.mark.parametrize("method", LACKING)
def test_a_page_has_no_empty_section_and_says_what_a_method_has_not(tmp_path, method, request):
    if method != "NGM":  # whose sentences are also in its figures
        request.getfixturevalue("blank_figures")
    settings, n_drawings, sentences = LACKING[method]
    shards = toy_shards(tmp_path / "shards")
    few = {"optimise__epochs": 1, "optimise__episodes": 2}
    if method == "NGM":
        few |= {"backbone__n_blocks": None, "backbone__channels": (8,) * 10}
    train_toy(shards, tmp_path / "run", tiny(**few, **{f"matching__{key}": value for key, value in settings.items()}))
    write_report([tmp_path / "run"], tmp_path / "page.html")
    text = (tmp_path / "page.html").read_text()
    assert all(sentence in text for sentence in sentences)
    headings = re.findall("<h3>(.+?)</h3>(.+?)(?=<h3>|<details>)", text, re.DOTALL)
    assert len(headings) == 3 + n_drawings // 2
    assert all("<svg" in below for heading, below in headings if heading != "Accuracy")
    assert text.count("<svg") == 1 + 2 + n_drawings  # curves, similarities; pairs, alignments
    assert "None blocks" not in text


def test_alignment_and_caption_count_frames_alike(page):
    frames = re.search(r"feature frames (\d) and (\d)\.", page)
    assert f"query {frames[1]}, prototype {frames[2]}:" in page


@pytest.mark.usefixtures("undrawn", "blank_figures")
@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("metrics.json", "{}"),
        ("metrics.json", "[]"),
        ("metrics.json", '{"rows": {}, "settings": {}}'),
        ("episodes.csv", "row,seed,episode,accuracy\nDASTM,0,0,x\n"),
        ("episodes.csv", "a,b\n1,2\n"),
        ("predictions.parquet", ""),
    ],
)
def test_damaged_evaluation_is_one_line(run, tmp_path, name, text):
    shutil.copytree(run, tmp_path / "run")
    (tmp_path / "run" / "eval" / EPISODES / name).write_text(text)
    with pytest.raises(RunError, match=rf"{name}: .*run `dastm eval` again") as caught:
        write_report([tmp_path / "run"], tmp_path / "page.html")
    assert "\n" not in str(caught.value)


@pytest.mark.usefixtures("undrawn", "blank_figures")
@pytest.mark.parametrize("text", ["", "seed,episode,part,loss\n0,x,train,1\n", "seed,episode,part,loss\n0,1,best,1\n"])
def test_damaged_curves_are_one_line(run, tmp_path, text):
    shutil.copytree(run, tmp_path / "run")
    (tmp_path / "run" / "curves.csv").write_text(text)
    with pytest.raises(RunError, match=r"curves\.csv: damaged"):
        write_report([tmp_path / "run"], tmp_path / "page.html")


@pytest.mark.usefixtures("undrawn", "blank_figures")
def test_evaluations_of_seeds_or_weights_that_the_run_no_longer_has_are_left_out_and_said(run, tmp_path):
    moved = tmp_path / "run"
    shutil.copytree(run, moved)
    record = TrainingRecord.read(run)
    assert write_report([moved], tmp_path / "page.html") == []
    best = moved / "train" / "seed-0" / "best.pt"
    state = load_checkpoint(best)
    save_checkpoint(best, {**state, "epoch": 7})
    told = f"run: left out: eval/{EPISODES}: of other weights of seed 0; run `dastm eval` again, or remove it"
    assert write_report([moved], tmp_path / "page.html") == [told]
    page = (tmp_path / "page.html").read_text()
    assert "of other weights of seed 0" in page
    assert "Not evaluated yet" in page
    (moved / "train" / "seed-0").rename(moved / "train" / "seed-3")
    config = replace(record.config, optimise=replace(record.config.optimise, seeds=(3,)))
    replace(record, config=config).write(moved)
    assert write_report([moved], tmp_path / "page.html") == [
        told.replace("of other weights of seed 0", "of seeds 0, and the run has 3")
    ]


@pytest.mark.usefixtures("blank_figures")
def test_run_trained_on_a_stream_has_a_page_and_one_on_other_shards_has_none(run, tmp_path):
    shutil.copytree(run, tmp_path / "run")
    record = TrainingRecord.read(run)
    replace(record, shards=f"file:{Path(record.shards).absolute()}").write(tmp_path / "run")
    write_report([tmp_path / "run"], tmp_path / "page.html")
    replace(record, shards_digest="0", clips="0").write(tmp_path / "run")
    with pytest.raises(RunError, match="not those that this run was trained on"):
        write_report([tmp_path / "run"], tmp_path / "page.html")


@pytest.mark.usefixtures("undrawn", "blank_figures")
def test_several_runs_on_one_page(run, tmp_path):
    write_report([run, run], tmp_path / "both.html")
    assert (tmp_path / "both.html").read_text().count("<h2>") == 2


def test_unfinished_training_is_one_line(run, tmp_path):
    with pytest.raises(RunError, match="not a run folder"):
        write_report([tmp_path], tmp_path / "page.html")
    assert not (tmp_path / "page.html").exists()


@pytest.mark.usefixtures("undrawn", "blank_figures")
def test_shards_split_again_in_place_are_the_runs_own_and_others_are_named(run, tmp_path):
    """Another version made them: the manifest is another, the clips are the same."""
    shutil.copytree(run, tmp_path / "run")
    record = TrainingRecord.read(run)
    shutil.copytree(record.shards, tmp_path / "again")
    manifest = tmp_path / "again" / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"numpy": "x"', '"numpy": "y"'))
    replace(record, shards=str(tmp_path / "again")).write(tmp_path / "run")
    assert write_report([tmp_path / "run"], tmp_path / "page.html") == []
    replace(record, shards=str(tmp_path / "again"), clips=None).write(tmp_path / "run")  # it cannot be told
    with pytest.raises(RunError, match="name them with --shards"):
        write_report([tmp_path / "run"], tmp_path / "page.html")
    told = f"the clips drawn are of toy in {tmp_path / 'again'}, not of the run's own shards"
    assert write_report([tmp_path / "run"], tmp_path / "page.html", str(tmp_path / "again")) == [f"run: {told}"]
    assert told in (tmp_path / "page.html").read_text().replace("&#39;", "'")


@pytest.mark.usefixtures("undrawn")
def test_an_older_run_has_the_curves_of_its_checkpoints_or_is_told_how_to_have_them(run, page, tmp_path):
    shutil.copytree(run, tmp_path / "run")
    (tmp_path / "run" / "train" / "curves.json").unlink()
    (line,) = write_report([tmp_path / "run"], tmp_path / "page.html")
    assert line.startswith("run: curves of the last checkpoints: ")
    drawn = page.index("Loss and accuracy by training episode.")
    assert page[drawn - 300 : drawn + 40] in (tmp_path / "page.html").read_text()
    for damage in (lambda path: save_checkpoint(path, {}), lambda path: path.unlink()):
        damage(tmp_path / "run" / "train" / "seed-0" / "last.pt")
        (line,) = write_report([tmp_path / "run"], tmp_path / "page.html")
        assert line.startswith("run: no curves: ")
        assert line.endswith("; train again, into another folder, to have them")
