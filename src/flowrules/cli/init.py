"""`flowrules init`: a small workspace that checks and simulates, to change into one's own."""

from __future__ import annotations

import shlex
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

import click

from flowrules.cli.context import UserError
from flowrules.cli.output import emit, formats


@click.command("init")
@click.argument("directory", metavar="DIR", type=click.Path(path_type=Path))
@formats("text", "json")
def command(directory: Path, format_: str) -> None:
    """Make a workspace in DIR, a folder that is new or empty."""
    hint = "name a folder that does not exist yet; nothing is overwritten"
    try:
        if directory.exists() and not directory.is_dir():
            raise UserError(f"{directory} is a file", hint)
        if directory.exists() and any(directory.iterdir()):
            raise UserError(f"{directory} is not empty", hint)
        made = _copy(files("flowrules.cli").joinpath("starter"), directory)
    except OSError as failure:
        raise UserError(f"{directory} can not be written: {failure.strerror}") from None
    names = sorted(path.relative_to(directory).as_posix() for path in made)
    call = f"  flowrules -C {shlex.quote(str(directory))}"
    data = [shlex.quote(str(directory / "data" / name)) for name in ("customers.csv", "events.csv")]
    text = "\n".join(
        (
            *(f"made {directory / name}" for name in names),
            "",
            "Next:",
            f"{call} check",
            f"{call} test",
            f"{call} import customers {data[0]}",
            f"{call} simulate --from 2026-03-01 --until 2026-03-15 --events {data[1]}",
        )
    )
    emit(format_, "init", {"path": str(directory), "files": names}, text)


def _copy(source: Traversable, target: Path) -> list[Path]:
    if source.is_dir():
        target.mkdir(parents=True, exist_ok=True)
        return [path for each in source.iterdir() for path in _copy(each, target / each.name)]
    target.write_bytes(source.read_bytes())
    return [target]
