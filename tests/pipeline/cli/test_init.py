"""`dastm-data init`: what it writes and says."""

from click.testing import CliRunner

from pipeline.cli import main
from tests.recorded import person, save


def run(*words):
    result = CliRunner().invoke(main, ["init", *map(str, words)])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def test_a_definition_is_written_and_the_next_commands_are_told(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("sit", "wave"):
        save(tmp_path / "my clinic" / name / "1.npy", person())
    result = run("my clinic")
    assert result.exit_code == 0
    lines = result.output.splitlines()
    assert lines[0] == "my-clinic.yaml: written"
    assert "  dastm-data parse --dataset my-clinic.yaml --raw 'my clinic'" in lines
    assert lines.index("guessed:") < lines.index("could not tell:") < lines.index("next:")
    assert (tmp_path / "my-clinic.yaml").read_text().startswith("# Written by `dastm-data init`")


def test_who_has_a_skeleton_of_a_person_may_label_clips_at_once(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    save(tmp_path / "mine" / "wave" / "1.npy", person())
    assert run("mine").output.splitlines()[-1] == "  dastm enrol mine --dataset mine.yaml --out mine.dastm"
    (tmp_path / "mouse" / "run").mkdir(parents=True)
    rows = "".join(f"{t},1,2,1,3,4,1\n" for t in range(4))
    head = "scorer,s,s,s,s,s,s\nbodyparts,snout,snout,snout,tail,tail,tail\ncoords" + ",x,y,likelihood" * 2
    (tmp_path / "mouse" / "run" / "1.csv").write_text(f"{head}\n{rows}")
    assert "enrol" not in run("mouse").output


def test_a_file_that_is_there_is_never_overwritten(tmp_path):
    save(tmp_path / "raw" / "wave" / "1.npy", person())
    out = tmp_path / "mine.yaml"
    out.write_text("mine")
    result = run(tmp_path / "raw", "--out", out)
    assert result.exit_code == 1
    assert "already exists; name another file with --out" in result.stderr
    assert out.read_text() == "mine"


def test_wrong_words_are_one_line(tmp_path):
    for words in (
        ("gone",),
        (tmp_path, "--out", "x.txt"),
        (tmp_path, "--layout", "nosuch", "--out", tmp_path / "x.yaml"),
    ):
        result = run(*words)
        assert result.exit_code == 1
        assert len(result.stderr.splitlines()) == 1
