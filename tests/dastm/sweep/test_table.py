"""The files of a table: what is in a cell, what is said of cells that are not there, and escapes."""

import csv
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from dastm.sweep import table
from dastm.sweep.cells import write_sweep
from dastm.sweep.results import cell_folder
from dastm.sweep.table import write_table
from tests.command_line import done, failed
from tests.dastm.sweep.grids import pretend, squeezed, toy_sweep

pytestmark = pytest.mark.slow

PUBLISHED = {"shards": {"NTU-T": "a", "NTU-S": "b"}, "published": "table-1", "seeds": [0, 1]}
SHARES = {0: [0.5, 0.75, 1.0, 0.75, 0.75, 0.75], 1: [0.75, 1.0, 1.0, 1.0, 0.75, 0.75]}
"""Means 75 and 87.5 %: 81.25 ± 6.25."""


@pytest.fixture
def half_done(tmp_path):
    """DTW finished on NTU-T; DASTM there with one seed of two; on NTU-S DTW failed and DASTM is missing."""
    sweep = toy_sweep(**PUBLISHED)
    write_sweep(sweep, tmp_path)
    for cell in sweep.cells:
        if cell.dataset == "NTU-T" and (cell.row, cell.seed) != ("DASTM", 1):
            more = 0.25 if cell.row == "DASTM" else 0.0
            pretend(tmp_path, cell, [np.clip(np.add(SHARES[cell.seed], more), 0, 1)], sweep)
        elif cell.row == "DTW":
            cell_folder(tmp_path, cell).mkdir(parents=True)
            (cell_folder(tmp_path, cell) / "failed.json").write_text("{}")
    return tmp_path


def cells_of(line):
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_markdown_has_ours_beside_the_published(half_done):
    lines = write_table(half_done).splitlines()
    assert lines[0] == "# Toy"
    assert cells_of(lines[2]) == ["method", "ST-GCN, NTU-T", "ST-GCN, NTU-S"]
    assert cells_of(lines[4]) == ["DTW", "81.25 ± 6.25 (74.0 ± 2.1)", "failed (73.5 ± 0.4)"]
    assert cells_of(lines[5]) == [*("DASTM", r"95.83 \[1 of 2 seeds\] (75.1 ± 1.8)", "missing (76.2 ± 0.3)")]


def test_markdown_lines_up(half_done):
    lines = write_table(half_done).splitlines()
    for block in (lines[2:6], lines[7:11]):
        bars = {tuple(match.start() for match in re.finditer(r"(?<!\\)\|", line)) for line in block}
        assert len(bars) == 1


def test_markdown_tells_intervals_and_the_paired_test(half_done):
    text = squeezed(write_table(half_done))
    # Two seeds 12.5 apart: half the interval is 6.25 t(0.975, 1) = 6.25 * 12.706.
    (line,) = [line for line in text.splitlines() if line.startswith("| DTW | ST-GCN, NTU-T |")]
    assert cells_of(line)[2:5] == ["2 of 2", "81.25", "79.41"]
    # On seed 0 DASTM is ahead by 25, 25, 0, 25, 25, 25 points: mean 20.83, standard error 4.167, t = 5 with 5 degrees.
    assert cells_of(line)[6] == "+20.83 ± 10.71, p = 0.0041"
    assert "nothing finished yet" not in text
    for words in ("3 finished, 2 failed, 3 missing", "Ma et al., ECCV 2022, Table 1", "dastm 1.2.3 (code 01234567)"):
        assert words in text


def test_csv_has_a_line_a_cell_and_empty_where_nothing_is_known(half_done):
    write_table(half_done)
    rows = list(csv.DictReader((half_done / "table.csv").read_text().splitlines()))
    assert [(row["row"], row["dataset"], row["status"], row["seeds"], row["failed"]) for row in rows] == [
        *[("DTW", "NTU-T", "finished", "2", "0"), ("DTW", "NTU-S", "failed", "0", "2")],
        *[("DASTM", "NTU-T", "finished", "1", "0"), ("DASTM", "NTU-S", "missing", "0", "0")],
    ]
    assert (rows[0]["mean"], rows[0]["published_mean"], rows[0]["difference"]) == ("81.2500", "74.0000", "20.8333")
    assert (rows[0]["reference"], float(rows[0]["p"])) == ("DASTM", pytest.approx(0.0041, abs=1e-4))
    assert (rows[2]["mean"], rows[2]["deviation"], rows[2]["difference"]) == ("95.8333", "", "")
    assert (rows[3]["mean"], rows[3]["published_mean"]) == ("", "76.2000")


def test_latex_has_as_many_columns_as_it_says(half_done):
    write_table(half_done)
    lines = (half_done / "table.tex").read_text().splitlines()
    assert r"\begin{tabular}{lcc}" in lines
    rows = [line for line in lines if line.endswith(r"\\")]
    assert rows[1] == r"DTW & 81.25 $\pm$ 6.25 {\small (74.0 $\pm$ 2.1)} & failed {\small (73.5 $\pm$ 0.4)} \\"
    assert {line.count(" & ") for line in rows} == {2}
    text = "\n".join(line for line in lines if not line.startswith("%"))
    assert text.count("{") == text.count("}")


class Cells(HTMLParser):
    """The words of every table cell; and that every tag is closed."""

    def __init__(self, text):
        super().__init__()
        self.open, self.cells = [], []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        if tag != "meta":
            self.open.append(tag)
        if tag in ("td", "th"):
            self.cells.append("")
        assert not {name for name, _ in attributes} & {"src"}

    def handle_startendtag(self, tag, attributes):
        pass

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, words):
        if {"td", "th"} & set(self.open):
            self.cells[-1] += words


def test_html_holds_the_same_cells_and_stands_alone(half_done):
    write_table(half_done)
    text = (half_done / "table.html").read_text()
    cells = Cells(text).cells
    assert cells[3:9] == [
        *("DTW", "81.25 ± 6.25(74.0 ± 2.1)", "failed(73.5 ± 0.4)"),
        *("DASTM", "95.83 [1 of 2 seeds](75.1 ± 1.8)", "missing(76.2 ± 0.3)"),
    ]
    assert "prefers-color-scheme: dark" in text
    assert not re.search(r"https?://(?!www\.w3\.org)", text)


def test_words_of_the_grid_are_escaped_everywhere(tmp_path):
    nasty = r"<b>&_%$#{}~^\|*[" + "\nnext"
    sweep = toy_sweep(title=nasty, backbones={nasty: {}}, seeds=[0])
    write_sweep(sweep, tmp_path)
    markdown = write_table(tmp_path)
    title = r"\<b\>&\_%$\#{}~^\\\|\*\["
    assert markdown.startswith(f"# {title} next\n")
    assert title in markdown.splitlines()[2]
    page = (tmp_path / "table.html").read_text()
    assert "<b>" not in page
    assert "&lt;b&gt;&amp;_%$#{}~^\\|*[" in page
    latex = (tmp_path / "table.tex").read_text()
    escaped = r"\textless{}b\textgreater{}\&\_\%\$\#\{\}\textasciitilde{}\textasciicircum{}\textbackslash{}|{*}{[}"
    assert f"method & {escaped}" in latex
    assert latex.splitlines()[1].startswith(r"\begin")


def test_an_axis_has_a_curve_of_what_is_there(tmp_path):
    axis = {"key": "matching.rank_weight", "values": [0.1, 1.0], "title": "lambda"}
    sweep = toy_sweep(methods=["dastm-rank"], axis=axis)
    write_sweep(sweep, tmp_path)
    write_table(tmp_path)
    assert not (tmp_path / "curve.svg").exists()
    assert "nothing finished yet" in (tmp_path / "table.md").read_text()
    assert "nothing finished yet" in (tmp_path / "table.html").read_text()
    for cell in sweep.cells[:2]:
        pretend(tmp_path, cell, [SHARES[cell.seed]], sweep)
    assert squeezed(write_table(tmp_path)).splitlines()[2] == "| lambda | ST-GCN, toy |"
    curve = (tmp_path / "curve.svg").read_text()
    assert "ST-GCN, toy, 0.1: 81.25 ± 6.25" in curve
    assert curve in (tmp_path / "table.html").read_text()
    Cells((tmp_path / "table.html").read_text())


NAMED = {"n_way": 3, "n_query": 2, "episodes": 6, "baselines": ["path", "untrained"]}


def test_baselines_that_the_evaluations_name_are_rows_beside_the_reference(tmp_path):
    sweep = toy_sweep(seeds=[0, 1], evaluate=[NAMED])
    write_sweep(sweep, tmp_path)
    for cell in sweep.cells:
        beside = {"path": SHARES[0], "untrained": SHARES[cell.seed] if cell.row == "DASTM" else [0.0] * 6}
        pretend(tmp_path, cell, [np.clip(np.add(SHARES[cell.seed], 0.25), 0, 1)], sweep, beside)
    text = squeezed(write_table(tmp_path))
    lines = {cells_of(line)[0]: cells_of(line)[1:] for line in text.splitlines()[2:8]}
    assert [*lines][2:] == ["DTW", "DASTM", "path", "untrained"]
    assert (lines["path"], lines["untrained"]) == (["75.00 ± 0.00"], ["81.25 ± 6.25"])
    (line,) = [line for line in text.splitlines() if line.startswith("| path | ST-GCN, toy |")]
    assert cells_of(line)[2:4] == ["2 of 2", "75.00"]
    assert cells_of(line)[6].startswith("+22.92 ± ")
    assert "Without training, as scored beside DASTM: path, untrained." in text


def test_a_baseline_is_no_point_of_the_curve(tmp_path):
    axis = {"key": "matching.gamma", "values": [0.1, 0.5]}
    sweep = toy_sweep(axis=axis, methods=["dastm"], seeds=[0], evaluate=[NAMED])
    write_sweep(sweep, tmp_path)
    for cell in sweep.cells:
        pretend(tmp_path, cell, [SHARES[0]], sweep, {"path": SHARES[0], "untrained": SHARES[1]})
    write_table(tmp_path)
    assert (tmp_path / "curve.svg").read_text().count("<title>ST-GCN, toy, 0.") == 2
    assert "path" in (tmp_path / "table.csv").read_text()


def test_an_axis_of_words_has_no_curve(tmp_path):
    axis = {"key": "matching.init", "values": ["tied", "identity"]}
    sweep = toy_sweep(methods=["dastm"], axis=axis, seeds=[0])
    write_sweep(sweep, tmp_path)
    pretend(tmp_path, sweep.cells[0], [SHARES[0]], sweep)
    assert "| tied | 75.00 |" in squeezed(write_table(tmp_path))
    assert not (tmp_path / "curve.svg").exists()


def test_several_evaluations_are_told_apart_and_several_codes_are_owned_up_to(tmp_path):
    sweep = toy_sweep(evaluate=[{"n_way": 3, "episodes": 6}, {"n_way": 3, "k_shot": 5, "episodes": 6}])
    write_sweep(sweep, tmp_path)
    for cell in sweep.cells:
        pretend(tmp_path, cell, [SHARES[0], SHARES[1]], sweep, code=f"{cell.seed}" * 10)
    text = squeezed(write_table(tmp_path))
    assert "| method | ST-GCN, toy, test 3-way 1-shot | ST-GCN, toy, test 3-way 5-shot |" in text
    assert "| DTW | 75.00 ± 0.00 | 87.50 ± 0.00 |" in text
    assert "Not all cells were trained by the same code" in text


def test_the_command_prints_what_it_writes_and_the_bytes_are_the_same_again(half_done):
    said = done("dastm", "table", half_done)
    files = {path.name: path.read_bytes() for path in half_done.glob("table.*")}
    assert set(files) == {"table.md", "table.csv", "table.tex", "table.html"}
    assert files["table.md"].decode() == said
    done("dastm", "table", half_done)
    assert {path.name: path.read_bytes() for path in half_done.glob("table.*")} == files


def test_a_folder_without_a_sweep_is_one_line(tmp_path):
    assert failed("dastm", "table", tmp_path).startswith(f"{tmp_path}: no sweep (no sweep.json)")
    assert not list(Path(tmp_path).iterdir())


def test_a_line_break_in_what_others_wrote_does_not_end_a_comment_of_latex():
    page = (
        table._environment("tex")
        .get_template("table.tex")
        .render(
            title="a\n\\input{x}",
            columns=[],
            entries=[],
            axis=None,
            notes=["dastm 1\n\\write18{touch y}\r\u2028b"],
        )
    )
    lines = page.splitlines()
    assert lines[0].startswith("% a \\input{x}: ")
    assert lines[-1] == "% dastm 1 \\write18{touch y} b"


def test_the_pages_may_load_nothing():
    policy = "default-src 'none'; style-src 'unsafe-inline'"
    for name in ("sweep/templates/table.html", "report/templates/report.html"):
        page = (Path(table.__file__).parents[1] / name).read_text()
        assert (
            f'<meta http-equiv="Content-Security-Policy" content="{policy}' in page
        )  # a report may play its own clips
