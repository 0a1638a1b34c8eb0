"""`dastm-data`: raw files to audited shards. Only this package of this half knows click, params.yaml and exit codes."""

import sys
from io import TextIOWrapper

import click

from pipeline.cli import doctor, exchange, init, inspect, stages


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="dastm")
def main() -> None:
    """Turn raw skeleton files into class-split shards, step by step, and look at them.

    \b
    dastm-data init recordings/
    dastm-data synth --dataset demo-ntu
    dastm-data parse --dataset demo-ntu
    dastm-data split --dataset demo-ntu
    dastm-data audit --dataset demo-ntu
    dastm-data show CLIP --dataset demo-ntu --out clip.html
    dastm-data stats --dataset demo-ntu
    dastm-data import arrays/ --out data/shards/imported
    dastm-data doctor data/raw/demo-ntu --dataset demo-ntu
    dastm-data export --dataset demo-ntu --out demo-ntu.pkl
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a terminal may lack a character, a name may be no unicode


for command in (
    stages.names,
    stages.synth,
    stages.raw,
    stages.parse,
    stages.split,
    stages.audit,
    exchange.import_,
    exchange.export,
):
    main.add_command(command)
main.add_command(init.init)
main.add_command(doctor.doctor)
main.add_command(inspect.show)
main.add_command(inspect.stats)
