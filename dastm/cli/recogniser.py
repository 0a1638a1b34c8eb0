"""`dastm enrol`, `add`, `remove`, `inspect`, `predict`: from examples of actions to what new recordings show."""

import os
import sys
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import ExitStack
from functools import partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dastm.cli.inputs import Refused, bodies_of, examples_of, fitting, options_of, read_told, told_if_odd
from dastm.cli.options import in_one_line, one_line_errors, said_of_recordings, with_recogniser
from dastm.cli.watching import Lengths, event_rows
from dastm.contract.errors import RunError
from dastm.contract.wording import listed, one_line

if TYPE_CHECKING:
    from dastm.cli.recordings import Recording
    from dastm.contract.skeleton import Layout
    from dastm.recogniser.examples import Example
    from dastm.recogniser.recogniser import ActionRecogniser, Prediction


@click.command()
@click.argument("examples", nargs=-1, required=True)
@click.option("--out", type=click.Path(path_type=Path), required=True, help="The recogniser file, e.g. mine.dastm")
@click.option("--encoder", help="A run folder, motion3d or motion2d. Default: by the layout of the examples.")
@click.option("--negatives", multiple=True, help="Recordings that show none of the actions; repeatable.")
@click.option("--replace", is_flag=True, help="Replace an existing recogniser.")
@said_of_recordings
@one_line_errors
def enrol(
    examples: tuple[str, ...], out: Path, encoder: str | None, negatives: tuple[str, ...], replace: bool, **said: Any
) -> None:
    """Make a recogniser from examples of actions: a folder per action, with one or more recordings in it.

    EXAMPLES are folders or zips of such folders, CSV lists of `file,action`, parsed tables or shards. A folder called
    `other` holds recordings that show none of the actions. Formats: see docs/formats.md.

    \b
    Examples:
      dastm enrol examples/ --out mine.dastm
      dastm enrol examples.csv --out mine.dastm --layout coco17 --fps 30
      dastm predict clips/ --with mine.dastm --csv labels.csv
    """
    from dastm.recogniser.container import check_replaceable
    from dastm.recogniser.encoder import load_encoder
    from dastm.recogniser.recogniser import ActionRecogniser

    check_replaceable(out)
    if out.exists() and not replace:
        raise RunError(f"{out}: already exists; `dastm add` adds to it, --replace makes a new one")
    refused = Refused()
    made = examples_of(examples, negatives, said, refused)
    if all(example.action is None for example in made):
        refused.tell()
        raise RunError(f"no example of an action in {', '.join(examples)}")
    with in_one_line():
        recogniser = ActionRecogniser(load_encoder(encoder or _most_usual(made)))
        made = fitting(made, recogniser.encoder, refused)
        refused.tell()
        if all(example.action is None for example in made):
            raise RunError(f"no example of an action that {recogniser.encoder.name} knows")
        recogniser.add(made)
        recogniser.save(out, replace=replace)
    if (same := len(made) - len(recogniser.examples)) > 0:
        click.echo(f"{same} of {len(made)} hold the joints of another example of the action and were not added")
    _tell(recogniser, out, refused, recogniser.actions)
    _note_one_action(recogniser, made)


@click.command()
@click.argument("examples", nargs=-1)
@click.option("--with", "recogniser", type=click.Path(path_type=Path), required=True, help="The file to add to.")
@click.option("--action", help="The action that all of them show, whatever their folders are called.")
@click.option("--negatives", multiple=True, help="Recordings that show none of the actions; repeatable.")
@said_of_recordings
@one_line_errors
def add(
    examples: tuple[str, ...], recogniser: Path, action: str | None, negatives: tuple[str, ...], **said: Any
) -> None:
    """Add examples to a recogniser, of actions that it knows or of new ones.

    \b
    Examples:
      dastm add more/ --with mine.dastm
      dastm add clip17.npy --action "jab right" --with mine.dastm
      dastm add --negatives walking/ --with mine.dastm
    """
    from dastm.recogniser.examples import checked_action
    from dastm.recogniser.file import changed, read_recogniser

    if not examples and not negatives:
        raise click.UsageError("name examples, or --negatives")
    refused = Refused()
    with in_one_line():
        usual = _layouts(read_recogniser(recogniser))  # what is no recogniser is told before anything is read
        made = examples_of(examples, negatives, said, refused, action and checked_action(action), usual)
    with in_one_line(), changed(recogniser) as known:
        before, old = len(known.examples), known.actions
        made = fitting(made, known.encoder, refused)
        refused.tell()
        if not made:
            raise RunError("nothing to add")
        known.add(made)
        new = len(known.examples) - before
    if new < len(made):
        click.echo(f"{len(made) - new} of {len(made)} were already among the examples")
    _tell(known, recogniser, refused, [action for action in known.actions if action not in old])


@click.command()
@click.argument("names", nargs=-1, required=True)
@click.option("--with", "recogniser", type=click.Path(path_type=Path), required=True, help="The file to change.")
@one_line_errors
def remove(names: tuple[str, ...], recogniser: Path) -> None:
    """Make a recogniser forget actions, or single examples by their key (see `dastm inspect --examples`).

    `other` stands for all examples of none of the actions.

    \b
    Examples:
      dastm remove "jab right" --with mine.dastm
      dastm remove jab_right_P104 --with mine.dastm
    """
    from dastm.recogniser.file import changed

    with in_one_line(), changed(recogniser) as known:
        gone = [_forget(known, name) for name in names]
        if not known.actions:
            raise RunError(f"{recogniser}: no action would be left; delete the file instead")
    for name, count in zip(names, gone, strict=True):
        click.echo(one_line(f"forgotten: {name} ({count} example{'s' * (count > 1)})"))


@click.command()
@click.argument("recogniser", type=click.Path(path_type=Path))
@click.option("--examples", "each", is_flag=True, help="List every example.")
@one_line_errors
def inspect(recogniser: Path, each: bool) -> None:
    """Show what a recogniser knows: actions, examples, limits, and how well the examples tell the actions apart.

    \b
    Example:
      dastm inspect mine.dastm
    """
    from dastm.recogniser.file import read_recogniser
    from dastm.recogniser.overview import overview_lines

    click.echo("\n".join(map(one_line, overview_lines(read_recogniser(recogniser), each=each))))


@click.command()
@click.argument("clips", nargs=-1, required=True)
@with_recogniser
@click.option(
    "--csv", "csv_path", type=click.Path(path_type=Path, allow_dash=True), help="Write a CSV table; - prints it."
)
@click.option(
    "--json", "json_path", type=click.Path(path_type=Path, allow_dash=True), help="Write JSON lines; - prints them."
)
@click.option("--html", "html_path", type=click.Path(path_type=Path), help="Write a page to look at.")
@click.option("--top", type=click.IntRange(min=1), default=5, show_default=True, help="Actions listed in JSON.")
@click.option("--spot", is_flag=True, help="Find actions in long recordings.")
@said_of_recordings
@one_line_errors
def predict(
    clips: tuple[str, ...],
    recogniser: Path,
    csv_path: Path | None,
    json_path: Path | None,
    html_path: Path | None,
    top: int,
    spot: bool,
    **said: Any,
) -> None:
    """Say what recordings show: for each clip, and each body in it, an action or `none of these`.

    CLIPS are files, folders or zips in any known format (docs/formats.md). Files that cannot be read are named and
    skipped; the exit status is 1 only if nothing could be read.

    \b
    Examples:
      dastm predict clips/ --with mine.dastm
      dastm predict clips/ session.zip --with mine.dastm --csv labels.csv
      dastm predict clip.npy --with mine.dastm --json -
      dastm predict clips/ --with mine.dastm --html labels.html
      dastm predict session.npy --with mine.dastm --spot --csv events.csv
    """
    from dastm.recogniser.file import read_recogniser
    from dastm.recogniser.results import COLUMNS, EVENT_COLUMNS, csv_results, json_results

    _check_outputs(csv_path, json_path, html_path)
    known, refused, read = read_recogniser(recogniser), Refused(), list[str]()
    to_screen, page, lengths = "-" in (str(csv_path), str(json_path)), None, Lengths()
    with ExitStack() as open_files, in_one_line():
        writers: list[Callable[[Any], None]] = []
        if csv_path is not None:
            writers.append(open_files.enter_context(csv_results(csv_path, EVENT_COLUMNS if spot else COLUMNS)))
        if json_path is not None:
            writers.append(open_files.enter_context(json_results(json_path)))
        if html_path is not None:
            from dastm.report.predictions_page import page_results

            page = open_files.enter_context(page_results(html_path, recogniser.name))
            writers.append(page.rows.append)
        rows = partial(event_rows, lengths=lengths) if spot else _rows
        found = read_told(clips, options_of(said), refused, _layouts(known))
        show = _until_closed if writers else click.echo
        for row, line in rows(known, found, refused, read, top):
            for write in writers:
                write(row)
            if not to_screen:
                show(one_line(line))
        refused.tell()
        if page is not None:
            page.lengths, page.quiet, page.left_out = lengths.seconds, lengths.quiet, refused.lines
        if not read:  # tables of earlier predictions stay
            raise refused.nothing(clips)


def _check_outputs(*paths: Path | None) -> None:
    """Raise UsageError for one output twice, or a page (the last) on the screen."""
    outputs = [str(path) for path in paths if path is not None]
    if twice := next((name for name in outputs if outputs.count(name) > 1), None):
        raise click.UsageError(f"two outputs to {twice}")
    if str(paths[-1]) == "-":
        raise click.UsageError("a page is no text for the screen: name a file for --html")


def _until_closed(line: str) -> None:
    """Print a line, or nothing where `| head` has read enough: the files go on."""
    try:
        click.echo(line)
    except BrokenPipeError:
        sys.stdout = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 (to the end of the command)


def _layouts(known: "ActionRecogniser") -> set["Layout"]:
    """Those of its examples."""
    return {example.clip.layout for example in known.examples}


def _rows(
    known: "ActionRecogniser", found: "Iterable[Recording]", refused: Refused, read: list[str], top: int
) -> Iterator[tuple[dict[str, Any], str]]:
    """Predictions, each as a row and as a line of text; the source of the last one is in `read`."""
    for one in known.predict_each(told_if_odd(bodies_of(found, known.encoder, refused), lambda clip: clip)):
        read[:] = [one.source]
        yield one.to_dict(top), _line(one)


def _most_usual(made: "Iterable[Example]") -> str:
    """The encoder that most recordings need. Raises: ValueError if none comes with an encoder for its skeleton."""
    from dastm.recogniser.encoder import usual_encoder

    names, reasons = Counter[str](), list[str]()
    for example in made:
        try:
            names[usual_encoder(example.clip.layout)] += 1
        except ValueError as error:  # `fitting` names the recording, if others can be used
            reasons.append(str(error))
    if not names:
        raise ValueError(reasons[0])
    return names.most_common(1)[0][0]


def _forget(known: "ActionRecogniser", name: str) -> int:
    """Forget the action of this name, else the example of this key, else, for `other`, all that show no action."""
    from dastm.contract.names import composed, folded
    from dastm.recogniser.examples import OTHER

    action, keys = composed(name).strip(), {example.name for example in known.examples}
    if action in known.actions:
        return known.remove(action=action)
    if name not in keys and folded(name) == OTHER:
        return known.remove(action=name)
    if name not in keys:
        raise ValueError(f"no action or example {name!r}; the actions: {listed(known.actions)}")
    return known.remove(key=name)


def _line(found: "Prediction") -> str:
    body = f" body {found.body}" if found.body else ""
    nearest = found.decision.candidates[0].action
    told = found.action if found.action is not None else f"none of these (nearest: {nearest})"
    margin = f", margin {found.margin:.3f}" if len(found.decision.candidates) > 1 else ""
    return f"{found.source}{body}: {told}  {found.score:.2f}  (distance {found.distance:.3f}{margin})"


def _note_one_action(recogniser: "ActionRecogniser", made: "Iterable[Example]") -> None:
    """A note if all examples are of one action and lie in several folders below it, which may be the actions meant."""
    below = {tuple(example.name.split("/")) for example in made if example.action is not None}
    folders = {parts[1] for parts in below if len(parts) > 2 and parts[0] == recogniser.actions[0]}
    if len(recogniser.actions) == 1 and len(folders) > 1:
        click.echo(
            f"note: all examples are of one action, {recogniser.actions[0]!r}, the folder right below what you named."
            f" If the folders in it ({listed(sorted(folders), 3)}) are the actions, name that folder",
            err=True,
        )


def _tell(recogniser: "ActionRecogniser", path: Path, refused: Refused, new: Collection[str]) -> None:
    from dastm.recogniser.overview import short_lines

    click.echo("\n".join(map(one_line, short_lines(recogniser))))
    for names in _alike(recogniser.actions):
        if not set(names).isdisjoint(new):
            click.echo(one_line(f"note: {listed(names)} are different actions, though written almost alike"), err=True)
    left_out = f", {refused.count} left out" if refused.count else ""
    click.echo(f"{path}: {path.stat().st_size / 1e6:.1f} MB{left_out}; next: dastm predict CLIPS --with {path}")


def _alike(actions: Iterable[str]) -> list[list[str]]:
    """Names that differ only in capitals, spaces or hyphens."""
    from dastm.contract.names import class_key

    by_key: dict[str, list[str]] = {}
    for action in actions:
        by_key.setdefault(class_key(action), []).append(action)
    return [names for names in by_key.values() if len(names) > 1]


@click.command()
@click.argument("recogniser", type=click.Path(path_type=Path))
@click.option("--to", "form", type=click.Choice(["onnx", "torch"]), required=True, help="ONNX, or torch.export.")
@click.option("--out", type=click.Path(path_type=Path), help="Default: beside the recogniser, ending in .onnx or .pt2")
@click.option("--layout", help="The joints of the program's input. Default: as in the first example.")
@click.option("--replace", is_flag=True, help="Replace an existing program.")
@one_line_errors
def export(recogniser: Path, form: str, out: Path | None, layout: str | None, replace: bool) -> None:
    """Write a recogniser as a program that needs no DASTM: joints of clips in, distances to the actions out.

    Before it is written, its distances are compared with the recogniser's (to 1e-5). A JSON file beside it describes
    the input.

    \b
    Examples:
      dastm export mine.dastm --to onnx
      dastm export mine.dastm --to torch --out mine.pt2
    """
    from dastm.recogniser.export import export_recogniser
    from dastm.recogniser.file import read_recogniser
    from dastm.recogniser.recogniser import layout_of

    path = out or recogniser.with_suffix({"onnx": ".onnx", "torch": ".pt2"}[form])
    there = [one for one in (path, path.with_name(f"{path.name}.json")) if one.exists()]
    if there and not replace:
        raise RunError(f"{there[0]}: already exists; --replace writes it again, or name another file with --out")
    known = read_recogniser(recogniser)
    with in_one_line():
        beside = export_recogniser(known, path, form, layout_of(layout) if layout else None, log=click.echo)
    click.echo(f"{path}: {path.stat().st_size / 1e6:.1f} MB; its input is described in {beside}")


@click.command()
@click.argument("clips", nargs=-1, required=True)
@click.option("--encoder", help="A run folder, motion3d or motion2d. Default: by the layout of the first clip.")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="A Parquet file.")
@click.option(
    "--pool",
    type=click.Choice(["clip", "frames"]),
    default="clip",
    show_default=True,
    help="clip: the mean over frames. frames: every frame.",
)
@said_of_recordings
@one_line_errors
def embed(clips: tuple[str, ...], encoder: str | None, out: Path, pool: str, **said: Any) -> None:
    """Write the encoder's features of clips as a table, for clustering, maps or classifiers of your own.

    \b
    Example:
      dastm embed clips/ --out features.parquet
    """
    from dastm.recogniser.embed import write_features
    from dastm.recogniser.encoder import load_encoder, usual_encoder

    refused = Refused()
    found = read_told(clips, options_of(said), refused)
    first = next(found, None)
    if first is None:
        refused.tell()
        raise refused.nothing(clips)
    with in_one_line():
        known = load_encoder(encoder or usual_encoder(first.bodies[0].layout))
        rows = write_features(
            told_if_odd(bodies_of(chain([first], found), known, refused), lambda clip: clip), known, out, pool
        )
    refused.tell()
    if not rows:
        raise refused.nothing(clips)
    click.echo(f"{out}: {rows} rows")
