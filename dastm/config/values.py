"""What the values of a configuration may be: kinds of numbers that several options have, and how they are checked."""

from typing import Annotated, Any, Literal

from pydantic import AliasChoices, ConfigDict, Field

STRICT = ConfigDict(extra="forbid")
Count = Annotated[int, Field(ge=1, strict=True)]
Seed = Annotated[int, Field(ge=0, lt=2**32, strict=True)]
"""A seed: as many bits as torch's generator on the CPU takes."""
Episodes = Annotated[int, Field(ge=2, strict=True)]
"""A number of episodes: at least two, so that the mean has an interval."""
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Weight = Annotated[float, Field(ge=0, allow_inf_nan=False)]
TooFew = Literal["error", "leave_out"]
CheckpointSeconds = Annotated[Weight, Field(validation_alias=AliasChoices("checkpoint_seconds", "checkpoint_every"))]
"""Of the key `checkpoint_seconds`, which older files call `checkpoint_every`."""


def distinct(values: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return the values unchanged if no two are equal.

    Raises: ValueError if two are equal.
    """
    if len(set(values)) < len(values):
        raise ValueError("each one once")
    return values
