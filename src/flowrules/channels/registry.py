"""The channels of a workspace, made from its settings."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from flowrules.channels.base import Channel, ChannelError
from flowrules.channels.console import ConsoleChannel
from flowrules.channels.file import FileChannel

if TYPE_CHECKING:
    from flowrules.channels.smtp import SmtpSettings


def make_channels(
    types: Mapping[str, str], folder: Path, smtp: Callable[[str], SmtpSettings] | None = None
) -> dict[str, Channel]:
    """`types`: channel name to provider. `folder`: where the file channels write. `smtp`: a mail channel's settings."""
    return {name: _make(name, provider, folder, smtp) for name, provider in sorted(types.items())}


def _make(name: str, provider: str, folder: Path, smtp: Callable[[str], SmtpSettings] | None) -> Channel:
    match provider:
        case "file":
            return FileChannel(folder, name)
        case "console":
            return ConsoleChannel(sys.stderr)
        case "smtp" if smtp is not None:
            from flowrules.channels.smtp import SmtpChannel  # noqa: PLC0415 -- not where messages go to files

            return SmtpChannel(smtp(name))
        case _:
            raise ChannelError(
                f"the channel `{name}` has the unknown provider `{provider}`", "there are `file`, `console` and `smtp`"
            )
