"""`dastm`: shards to answers. Only this package of this half knows click, params.yaml and exit codes."""

import click

from dastm.cli import benchmark, evaluation, explaining, recogniser, sweeps, training


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="dastm")
def main() -> None:
    """Show it an action once or five times, and it knows it: recognise actions in skeleton recordings.

    \b
    dastm enrol examples/ --out mine.dastm
    dastm predict clips/ --with mine.dastm --csv labels.csv

    Few-shot recognition after DASTM (ECCV 2022): train encoders on shards, and measure them.

    \b
    dastm train --shards data/shards/demo-ntu --out data/runs/demo-ntu
    dastm eval  --run data/runs/demo-ntu
    dastm report data/runs/demo-ntu
    dastm sweep demo
    dastm bench
    """


for command in (
    *recogniser.COMMANDS,
    *explaining.COMMANDS,
    *(training.train, evaluation.evaluate, evaluation.calibrate, evaluation.report, benchmark.measure),
    *(sweeps.sweep, sweeps.table),
):
    main.add_command(command)
