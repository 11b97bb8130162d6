"""`flowrules test`: the tests that stand in the rule files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from flowrules.cli.context import Context, FilesError, UserError, errors_of
from flowrules.cli.funnel import colour, plain
from flowrules.cli.output import emit, formats
from flowrules.model.trial import Trial
from flowrules.report import trials as report
from flowrules.report.expectations import judge
from flowrules.report.explain import Explanation
from flowrules.report.trials_ci import junit, remarks, tap
from flowrules.runtime.trial import Audience, Played, theatre
from flowrules.runtime.troupe import play_all
from flowrules.workspace import Workspace


@click.command("test")
@click.argument("path", type=click.Path(exists=True, path_type=Path), required=False)
@click.option("--jobs", type=click.IntRange(min=1), metavar="N", help="So many processes; else as many as help.")
@formats("text", "json", "junit", "github", "tap")
@click.pass_obj
def command(context: Context, *, path: Path | None, jobs: int | None, format_: str) -> int:
    """Run the tests that stand in the rule files, each with customers and a clock of its own. Nothing is sent.

    PATH is a workspace, or a folder or file in one: then only its tests are run, on the rules of the whole workspace.
    """
    if path is not None:
        context.directory = path if path.is_dir() else path.parent
    workspace = context.workspace()
    files, checked = context.checked(workspace)
    if checked.model is None or checked.errors:
        raise FilesError(errors_of(checked), checked.files, checked.campaigns)
    trials = _of_path(checked.trials, workspace, path)
    if not trials:
        raise UserError("no test was found", 'a test stands in a rule file, and begins with `test "...":`')
    audience: Audience[Explanation | None, None] = Audience(judge, report.tell)
    with theatre(files, checked.model, trials, audience) as stage:
        tested = [_tested(trial, played) for trial, played in zip(trials, play_all(stage, trials, jobs), strict=True)]
    facts = report.facts(tested)
    match format_:
        case "junit":
            click.echo(junit(tested))
        case "github":
            click.echo("".join(f"{line}\n" for line in remarks(tested)), nl=False)
        case "tap":
            click.echo("\n".join(tap(tested)))
        case _:
            emit(format_, "test", facts, report.text(tested, colour=colour(), plain=plain()))
    return 1 if facts["failed"] else 0


def _of_path(trials: Sequence[Trial], workspace: Workspace, path: Path | None) -> tuple[Trial, ...]:
    if path is None or (below := path.resolve()) == workspace.root.resolve():
        return tuple(trials)
    return tuple(each for each in trials if (workspace.root / each.span.source.name).resolve().is_relative_to(below))


def _tested(trial: Trial, played: Played[Explanation | None, None]) -> report.Tested:
    if played.line is None or played.got is None:
        return report.Tested(trial, None)
    return report.Tested(trial, report.Failed(trial.lines[played.line], played.got, played.story, played.open))
