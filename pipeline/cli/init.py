"""The command `init`: a folder of recordings in, a first data set definition out."""

import re
import shlex
from pathlib import Path

import click

from dastm.contract.errors import DataError
from pipeline.cli.options import LOCAL, one_line_errors


@click.command()
@click.argument("folder", type=LOCAL)
@click.option("--out", type=LOCAL, help="The file to write; it must not exist. Default: <name of FOLDER>.yaml")
@click.option("--layout", metavar="NAME|FILE.yaml", help="Which joints the arrays hold, if you know.")
@one_line_errors
def init(folder: Path, out: Path | None, layout: str | None) -> None:
    """Look at a folder or zip of recordings and write a first data set definition.

    It says what it guessed, what it could not tell, and which commands to run next.

    \b
    Examples:
      dastm-data init recordings/
      dastm-data init clinic.zip --layout kinect20 --out clinic.yaml
    """
    from pipeline.recordings.init import begin
    from pipeline.recordings.layout_choice import layout_named

    name = re.sub(r"[^A-Za-z0-9_-]+", "-", folder.absolute().resolve().stem).strip("-") or "mine"
    path = out or Path(f"{name}.yaml")
    if path.suffix not in (".yaml", ".yml"):
        raise DataError(f"{path}: the file of a definition ends in .yaml")
    if path.exists() or path.is_symlink():
        raise DataError(f"{path}: already exists; name another file with --out")
    made = begin(folder, name, layout_named(layout) if layout is not None else None)
    with path.open("x", encoding="utf-8") as file:
        file.write(made.text)
    click.echo(f"{path}: written")
    for title, lines in (("guessed", made.guessed), ("could not tell", made.unknown)):
        click.echo("\n".join([f"{title}:", *(f"  {line}" for line in lines)]) if lines else f"{title}: nothing")
    dataset, raw = shlex.quote(str(path)), shlex.quote(str(folder))
    click.echo("next:")
    click.echo(f"  dastm-data parse --dataset {dataset} --raw {raw}")
    click.echo(f"  dastm-data split --dataset {dataset}")
    click.echo(f"  dastm-data audit --dataset {dataset} && dastm-data stats --dataset {dataset}")
    n_way = min(5, len(made.document["split"]["class_split"]["test"]))
    if n_way > 1:
        shards = shlex.quote(f"data/shards/{name}")
        click.echo(f"  dastm eval --shards {shards} --baseline path --n-way {n_way} --n-query 1 --out {name}-eval")
    if made.is_person:
        click.echo("or, to label other clips by these, without training:")
        click.echo(f"  dastm enrol {raw} --dataset {dataset} --out {name}.dastm")
