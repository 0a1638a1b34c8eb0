"""One clip, found, to lines of text and to an animation in a file.

In: a clip as found. Out: its summary; a self-contained HTML page or a GIF, the same bytes for the same clip.
"""

from pathlib import Path

from dastm.contract.errors import DataError
from pipeline.inspect.animation import PlayerData, player_data
from pipeline.inspect.find import Found
from pipeline.inspect.page import render, write_whole
from pipeline.inspect.scene import Scene, scene_of
from pipeline.inspect.summary import summary_lines
from pipeline.inspect.tracks import Chosen, choose


def summary_of(found: Found) -> list[str]:
    """The clip in a few lines."""
    return summary_lines(found, _chosen(found))


def player_of(found: Found) -> PlayerData:
    """The clip for the template `player`."""
    return player_data(_scene(found))


def write_animation(found: Found, path: Path) -> None:
    """Write a page (.html) or a GIF (.gif), under its name only when whole."""
    write_whole(path, _gif(found) if path.suffix.lower() == ".gif" else _page(found))


def _page(found: Found) -> bytes:
    scene = _scene(found)
    return render(
        "show.html",
        title=scene.title,
        scene=player_data(scene),
        both=len(scene.panels) > 1,
        turns=not found.layout.is_image,
        animated=True,
        summary=summary_of(found),
    )


def _gif(found: Found) -> bytes:
    from pipeline.inspect.gif import gif  # matplotlib takes a second to load

    return gif(_scene(found))


def _scene(found: Found) -> Scene:
    return scene_of(found, _chosen(found))


def _chosen(found: Found) -> Chosen | None:
    if found.tracks is None or found.spec is None:
        return None
    try:
        return choose(found.tracks, found.spec, found.class_id)
    except ValueError as error:
        raise DataError(f"clip {found.key}: {error}") from None
