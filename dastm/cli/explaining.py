"""`dastm explain`: a clip and a recogniser in, a page that shows why it was called what it was called out."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dastm.cli.inputs import options_of
from dastm.cli.options import in_one_line, one_line_errors, said_of_recordings, with_recogniser
from dastm.contract.errors import RunError
from dastm.contract.wording import listed, one_line

if TYPE_CHECKING:
    from dastm.cli.recordings import Options, Recording
    from dastm.recogniser.clips import Clip


@click.command()
@click.argument("clip")
@with_recogniser
@click.option("--out", type=click.Path(path_type=Path), default=Path("why.html"), show_default=True, help="The page.")
@click.option("--key", help="Which recording, if CLIP holds several.")
@click.option(
    "--body",
    type=click.IntRange(min=0),
    help="Which body, by the number that `dastm predict` prints. Default: the one that moves most.",
)
@said_of_recordings
@one_line_errors
def explain(clip: str, recogniser: Path, out: Path, key: str | None, body: int | None, **said: Any) -> None:
    """Show why a clip is called what it is called: one sentence, and a page to look at.

    The page plays the clip and the nearest example of the action side by side along their alignment, then the same with
    the second nearest action. Joints are coloured by their share of the distance. The page opens offline.

    \b
    Examples:
      dastm explain clip.npy --with mine.dastm --out why.html
      dastm explain session.zip --key wave_003 --with mine.dastm
    """
    from dastm.recogniser.file import read_recogniser
    from dastm.report.why_page import write_why

    known = read_recogniser(recogniser)
    with in_one_line():
        why = known.explain(_body(_recording(clip, key, options_of(said)), body))
        write_why(why, out, recogniser.name)
    click.echo(one_line(why.sentence))
    click.echo(f"page: {out}")


def _recording(clip: str, key: str | None, options: "Options") -> "Recording":
    """The one recording to explain."""
    from dastm.cli.recordings import Recording, recordings

    chosen, keys, unread = list[Recording](), list[str](), ""
    for one in recordings([clip], options):
        if not isinstance(one, Recording):
            unread = unread or f": {one}"
            continue
        keys.append(one.key)
        if key is None or key in (one.key, one.source):
            chosen = [*chosen, one][:2]
    if len(chosen) == 1:
        return chosen[0]
    if not keys:
        raise RunError(f"nothing could be read of {clip}{unread}")
    told = f"{clip} holds {len(keys)} recordings: {listed(keys)}"
    raise RunError(f"{told}; name one with --key" if key is None else f"no single recording {key!r}; {told}")


def _body(recording: "Recording", number: int | None) -> "Clip":
    if number is None:
        first, others = recording.bodies[0], sorted(one.body for one in recording.bodies[1:])
        if others:
            there = f"there also {'are' if len(others) > 1 else 'is'} {listed(others)}"
            click.echo(f"note: of body {first.body}, the one that moves most; {there} (--body)", err=True)
        return first
    of_number = [one for one in recording.bodies if one.body == number]
    if not of_number:
        there = listed([one.body for one in recording.bodies])
        raise RunError(f"{recording.source}: no body {number}; there are: {there}")
    return of_number[0]
