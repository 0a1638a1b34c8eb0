"""`dastm`: shards to answers. Only this package of this half knows click, params.yaml and exit codes."""

import click

from dastm.cli import benchmark, evaluation, sweeps, training


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="dastm")
def main() -> None:
    """Few-shot skeleton action recognition (DASTM): train on shards, evaluate, report.

    \b
    dastm train --shards data/shards/demo-ntu --out data/runs/demo-ntu
    dastm eval  --run data/runs/demo-ntu --baseline coordinates
    dastm report data/runs/demo-ntu
    dastm sweep demo
    dastm bench
    """


for command in (
    *(training.train, evaluation.evaluate, evaluation.report, benchmark.measure),
    *(sweeps.sweep, sweeps.table),
):
    main.add_command(command)
