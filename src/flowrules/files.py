"""Files of a folder: found, read, replaced.

Reads no more of a file than can be meant, follows no loop of links, waits for no pipe. What can not be read is an
error and never left out: rules that silently went missing would end their campaigns.
"""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from flowrules.diagnostics.model import Diagnostic
from flowrules.errors import FlowRulesError
from flowrules.source import Source, Span

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

FILE = "flowrules.toml"
"""What makes a folder a workspace."""
MORE_THAN_ANY = 2 * 1024 * 1024 + 1
"""Bytes read of a file at most: one more than the parser takes."""


def find(start: Path) -> Path | Diagnostic:
    """The nearest folder upwards with settings in it."""
    start = start.resolve()
    for folder in (start, *start.parents):
        if (folder / FILE).is_file():
            return folder
    nowhere = Span(Source(FILE, ""), 0, 0)
    message = f"there is no {FILE} in `{start}` or above it"
    return Diagnostic("FR320", message, nowhere, "`flowrules init DIR` makes a workspace")


def files(top: Path) -> list[Path]:
    """All below a folder, sorted; hidden files and folders are not the author's."""
    return sorted((path for path in _walk(top) if path.is_file()), key=lambda path: path.relative_to(top).as_posix())


def rule_files(top: Path) -> list[Path]:
    """The same of rules only, which must all be files."""
    found = (path for path in _walk(top) if path.name.endswith(".flow"))
    rules = sorted(found, key=lambda path: path.relative_to(top).as_posix())
    for path in rules:
        if not path.is_file():
            what = "a link that leads nowhere" if path.is_symlink() and not path.exists() else "no file"
            raise FlowRulesError(f"{path} is {what}", "mend or delete it; it would be left out of the rules")
    return rules


def text(path: Path) -> str:
    """A file's text, cut where it is too large anyway; bytes that are not UTF-8 are escaped, for `check` to report."""
    with path.open("rb") as file:
        return file.read(MORE_THAN_ANY).decode(errors="surrogateescape")


def replace(path: Path, content: str) -> None:
    """Put a new text in place of a file's, at once or not at all; its mode and owner stay. A link stays a link."""
    real = path.resolve()
    was = real.stat()
    if not was.st_mode & stat.S_IWUSR:
        raise FlowRulesError(f"{path} is read-only", "allow writing to it first")
    number, name = tempfile.mkstemp(dir=real.parent, prefix=f".{real.name}.")
    try:
        with os.fdopen(number, "wb") as file:
            file.write(content.encode())
            file.flush()
            os.fsync(number)
        shutil.copymode(real, name)
        if hasattr(os, "chown"):
            with suppress(PermissionError):  # only root gives files away
                os.chown(name, was.st_uid, was.st_gid)
        Path(name).replace(real)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _walk(top: Path) -> Iterator[Path]:
    seen: set[str] = set()
    for folder, folders, names in os.walk(top, followlinks=True, onerror=_unless_missing(top)):
        real = os.path.realpath(folder)
        # A link back up, or a second way to the same folder.
        folders[:] = [] if real in seen else sorted(name for name in folders if not name.startswith("."))
        if real not in seen:
            seen.add(real)
            yield from (Path(folder, name) for name in names if not name.startswith("."))


def _unless_missing(top: Path) -> Callable[[OSError], None]:
    """A folder that is not there holds nothing; one that can not be read holds who knows what."""

    def fail(error: OSError) -> None:
        if not (isinstance(error, FileNotFoundError) and Path(error.filename) == top):
            raise error

    return fail
