"""`flowrules test`: the tests that stand in the rule files."""

from __future__ import annotations

from pathlib import Path

import click

from flowrules.cli.context import Context, FilesError, UserError, errors_of
from flowrules.cli.funnel import colour, plain
from flowrules.cli.output import emit, formats
from flowrules.model.trial import Trial
from flowrules.report import trials as report
from flowrules.report.expectations import judge
from flowrules.report.explain import explain
from flowrules.runtime.trial import Theatre, theatre


@click.command("test")
@click.argument("path", type=click.Path(exists=True, path_type=Path), required=False)
@formats("text", "json", "junit")
@click.pass_obj
def command(context: Context, path: Path | None, format_: str) -> int:
    """Run the tests that stand in the rule files, each with customers and a clock of its own. Nothing is sent.

    PATH is a workspace, or a folder or file in one: then only its tests are run, on the rules of the whole workspace.
    """
    if path is not None:
        context.directory = path if path.is_dir() else path.parent
    workspace = context.workspace()
    files, checked = context.checked(workspace)
    if checked.model is None or checked.errors:
        raise FilesError(errors_of(checked), checked.files, checked.campaigns)
    trials = checked.trials
    if path is not None and (below := path.resolve()) != workspace.root.resolve():
        trials = tuple(
            each for each in trials if (workspace.root / each.span.source.name).resolve().is_relative_to(below)
        )
    if not trials:
        raise UserError("no test was found", 'a test stands in a rule file, and begins with `test "...":`')
    with theatre(files, checked.model, trials) as stage:
        tested = [_tested(stage, trial) for trial in trials]
    facts = report.facts(tested)
    if format_ == "junit":
        click.echo(report.junit(tested))
    else:
        emit(format_, "test", facts, report.text(tested, colour=colour(), plain=plain()))
    return 1 if facts["failed"] else 0


def _tested(stage: Theatre, trial: Trial) -> report.Tested:
    with stage.play(trial, lambda connection, line: judge(connection, stage.model, line)) as played:
        if played.line is None or played.got is None:
            return report.Tested(trial, None)
        who = getattr(played.line.what, "who", "")
        with played.database.read() as connection:
            story = explain(connection, who, None, played.line.at)
        return report.Tested(trial, report.Failed(played.line, played.got, story))
