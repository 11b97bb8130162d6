"""The program `flowrules`: finds the command, runs it, turns every failure into a sentence and an exit code.

A command is a module of this folder with a click command named `command`; it is imported only when it is called,
because SQLAlchemy alone takes longer to import than `check` takes to run.
"""

from __future__ import annotations

import importlib
import os
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

import click

from flowrules import __version__
from flowrules.cli import interruption
from flowrules.cli.context import Context
from flowrules.cli.failures import exit_code
from flowrules.diagnostics.suggest import nearest

COMMANDS = {
    "init": "Make a new workspace.",
    "check": "Find the mistakes in the rule files.",
    "fmt": "Lay out the rule files in the one way.",
    "graph": "Draw a campaign.",
    "help": "Explain a code such as FR203.",
    "preview": "Show a message as a template writes it.",
    "test": "Run the tests of the rules.",
    "import": "Take in customers, events, or consents from a file.",
    "plan": "Say what `apply` would do, and to whom.",
    "apply": "Put the rules of the workspace in force.",
    "history": "List what was put in force, and when.",
    "diff": "Say by meaning what two deployments differ in.",
    "simulate": "Run the rules on a copy of the data, sending nothing.",
    "tick": "Decide everything that is due.",
    "deliver": "Hand over the messages that were decided.",
    "run": "Tick and deliver, again and again.",
    "pause": "Let nobody enter a campaign, and no message leave.",
    "resume": "End a pause.",
    "exit": "Take a customer out of a campaign.",
    "outbox": "List what waits to be sent, or settle what is unknown.",
    "monitor": "Watch campaigns and customers, live in the terminal.",
    "status": "Say how the workspace stands.",
    "funnel": "Count who entered, moved on and left in a campaign.",
    "messages": "List messages.",
    "ledger": "List decisions and their reasons.",
    "customer": "Show, export or erase one customer.",
    "explain": "Tell why a customer did or did not get something.",
    "segment": "Say who is in a segment, and why.",
    "lsp": "Answer an editor while rules are written.",
    "db": "Upgrade, examine, or copy the database.",
}
"""With what `--help` says of each."""

_MODULES = {"import": "import_command"}  # where the command's name can not name a module


class _Program(click.Group):
    def main(self, args: Sequence[str] | None = None, *_: object, **__: object) -> NoReturn:
        """For click's own test runner too, so that tests see what users see."""
        sys.exit(run(sys.argv[1:] if args is None else args))

    def list_commands(self, _context: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, _context: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        module = importlib.import_module(f"flowrules.cli.{_MODULES.get(name, name)}")
        if name != "run":  # which has nothing to undo before it listens to signals of its own
            interruption.is_raised()
        command: click.Command = module.command
        for each in (command, *(command.commands.values() if isinstance(command, click.Group) else ())):
            known = {option.name for option in each.params}
            each.params += [option for option in _everywhere() if option.name not in known]
        command.short_help = command.short_help or COMMANDS[name]
        return command

    def resolve_command(
        self, context: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args[0] not in COMMANDS and (near := nearest(args[0], COMMANDS)):
            context.fail(f"No such command '{args[0]}'. Did you mean '{near}'?")
        return super().resolve_command(context, args)

    def format_commands(self, _context: click.Context, formatter: click.HelpFormatter) -> None:
        """Without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


def _set(context: click.Context, option: click.Parameter, value: object) -> None:
    if value and option.name is not None:
        context.ensure_object(Context).set(option.name, value)


def _show_version(context: click.Context, _option: click.Parameter, value: object) -> None:
    if value:
        click.echo(f"flowrules {__version__}")
        context.exit()


def _everywhere() -> list[click.Option]:
    """Options that stand before the command or behind it."""
    return [
        click.Option(
            ["-C", "directory"],
            metavar="DIR",
            type=click.Path(path_type=Path),
            expose_value=False,
            callback=_set,
            help="The workspace; without it the nearest folder upwards with flowrules.toml.",
        ),
        click.Option(
            ["--quiet"], is_flag=True, expose_value=False, callback=_set, help="Neither progress nor log on stderr."
        ),
        click.Option(
            ["--debug"], is_flag=True, expose_value=False, callback=_set, help="Show where an internal error happened."
        ),
    ]


program = _Program(
    "flowrules",
    help="Campaigns and funnels as text files, executed against customer state in SQL.",
    params=[
        *_everywhere(),
        click.Option(
            ["--format", "format_"],
            metavar="FORMAT",
            expose_value=False,
            callback=_set,
            help="text, json, or what else the command offers.",
        ),
        click.Option(
            ["--version"],
            is_flag=True,
            is_eager=True,
            expose_value=False,
            callback=_show_version,
            help="Show the version.",
        ),
    ],
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


def run(arguments: Sequence[str]) -> int:
    """One call of the program; gives the exit code and raises nothing."""
    context = Context()
    try:
        return _run(arguments, context)
    except (Exception, KeyboardInterrupt) as failure:  # noqa: BLE001 -- the last resort: nobody is shown a traceback
        return exit_code(failure, context)


def _run(arguments: Sequence[str], state: Context) -> int:
    # Where the caller closed them, so that no database is opened under their numbers.
    sys.stdout = sys.stdout or Path(os.devnull).open("w")  # noqa: SIM115 -- open to the end
    sys.stderr = sys.stderr or Path(os.devnull).open("w")  # noqa: SIM115 -- as above
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            # A terminal that knows few characters shows escapes rather than nothing at all.
            stream.reconfigure(errors="backslashreplace")
    if not sys.warnoptions:
        warnings.simplefilter("ignore")  # they are for those who write programs
    with program.make_context("flowrules", list(arguments), obj=state) as context:
        result = program.invoke(context)
    sys.stdout.flush()
    return result if isinstance(result, int) else 0


def main() -> None:
    sys.exit(run(sys.argv[1:]))
