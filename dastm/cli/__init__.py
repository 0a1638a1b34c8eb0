"""`dastm`: shards to answers. Only this package of this half knows click, params.yaml and exit codes.

A command's module is loaded when the command is used: `dastm --help` needs neither torch nor pydantic.
"""

from importlib import import_module

import click

COMMANDS = {
    "enrol": ("recogniser", "enrol", "Make a recogniser from examples of actions."),
    "add": ("recogniser", "add", "Show a recogniser more examples."),
    "remove": ("recogniser", "remove", "Make a recogniser forget actions or examples."),
    "inspect": ("recogniser", "inspect", "Show what a recogniser knows."),
    "predict": ("recogniser", "predict", "Say what recordings show."),
    "watch": ("watching", "watch", "Report actions in a stream of frames."),
    "explain": ("explaining", "explain", "Show why a clip is called what it is called."),
    "export": ("recogniser", "export", "Write a recogniser as a program that needs no DASTM."),
    "embed": ("recogniser", "embed", "Write the encoder's features of clips as a table."),
    "train": ("training", "train", "Train on shards."),
    "eval": ("evaluation", "evaluate", "Score a run: accuracy with its 95 % interval."),
    "calibrate": ("evaluation", "calibrate", "Measure the distance beyond which a clip is none of the classes."),
    "report": ("evaluation", "report", "Write one page: accuracies, curves, mistakes."),
    "sweep": ("sweeps", "sweep", "Run all trainings and evaluations of a grid, then write its table."),
    "table": ("sweeps", "table", "Print the table of a sweep as far as it is finished."),
    "bench": ("benchmark", "measure", "Measure time and memory of each part."),
}
"""Command -> its module in this package, its name there, and what it does."""


class _Commands(click.Group):
    """The commands of `COMMANDS`, each loaded when it is used."""

    def list_commands(self, context: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        module, attribute, _ = COMMANDS[name]
        command: click.Command = getattr(import_module(f"dastm.cli.{module}"), attribute)
        return command

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, about) for name, (_, _, about) in COMMANDS.items()])


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="dastm")
def main() -> None:
    """Recognise actions in skeleton recordings, from one or a few examples of each.

    \b
    dastm enrol examples/ --out mine.dastm
    dastm predict clips/ --with mine.dastm --csv labels.csv

    Train encoders on shards, and measure them (few-shot recognition, DASTM, ECCV 2022).

    \b
    dastm train --shards data/shards/demo-ntu --out data/runs/demo-ntu
    dastm eval  --run data/runs/demo-ntu
    dastm report data/runs/demo-ntu
    dastm sweep demo
    dastm bench
    """
