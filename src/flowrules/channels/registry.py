"""The channels of a workspace, made from its settings."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

from flowrules.channels.base import Channel, ChannelError
from flowrules.channels.console import ConsoleChannel
from flowrules.channels.file import FileChannel


def make_channels(types: Mapping[str, str], folder: Path) -> dict[str, Channel]:
    """`types`: channel name to provider. `folder`: where the file channels write."""
    return {name: _make(name, provider, folder) for name, provider in sorted(types.items())}


def _make(name: str, provider: str, folder: Path) -> Channel:
    match provider:
        case "file":
            return FileChannel(folder, name)
        case "console":
            return ConsoleChannel(sys.stderr)
        case _:
            raise ChannelError(
                f"the channel `{name}` has the unknown provider `{provider}`", "there are `file` and `console`"
            )
