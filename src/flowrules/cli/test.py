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
from flowrules.report.coverage import Coverage, Mark, gather, spots
from flowrules.report.expectations import judge
from flowrules.report.explain import Explanation
from flowrules.report.trials_ci import junit, remarks, tap
from flowrules.runtime.trial import Audience, Played, theatre
from flowrules.runtime.troupe import play_all
from flowrules.workspace import Workspace


@click.command("test")
@click.argument("path", type=click.Path(exists=True, path_type=Path), required=False)
@click.option("--jobs", type=click.IntRange(min=1), metavar="N", help="So many processes; else as many as help.")
@click.option("--coverage", "covering", is_flag=True, help="Say what of the rules no test makes use of.")
@click.option("--min", "least", type=click.FloatRange(0, 100), metavar="N", help="Coverage below N per cent fails.")
@click.option("--annotate", is_flag=True, help="Coverage, with the rule files line by line.")
@formats("text", "json", "junit", "github", "tap")
@click.pass_obj
def command(
    context: Context,
    *,
    path: Path | None,
    jobs: int | None,
    covering: bool,
    least: float | None,
    annotate: bool,
    format_: str,
) -> int:
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
    covering = covering or annotate or least is not None
    audience: Audience[Explanation | None, frozenset[Mark]] = Audience(
        judge, report.tell, gather if covering else None
    )
    with theatre(files, checked.model, trials, audience) as stage:
        played = list(play_all(stage, trials, jobs))
    tested = list(map(_tested, trials, played))
    covered = None
    if covering:
        marks = frozenset(mark for each in played for marks in each.gathered for mark in marks)
        covered = Coverage(spots(checked.model, files.sources), marks, files.sources)
    facts = report.facts(tested) | {"coverage": None if covered is None else covered.facts()}
    match format_:
        case "junit":
            click.echo(junit(tested))
        case "github":
            click.echo("".join(f"{line}\n" for line in remarks(tested, covered)), nl=False)
        case "tap":
            click.echo("\n".join(tap(tested)))
        case _:
            parts = [report.text(tested, colour=colour(), plain=plain())]
            if covered is not None and annotate:
                parts.append(covered.annotated(colour=colour()))
            if covered is not None:
                parts.append(covered.text(colour=colour()))
            emit(format_, "test", facts, "\n\n".join(parts))
    low = covered is not None and least is not None and covered.percent < least
    if low and covered is not None:
        context.note(f"coverage is {covered.percent:g}%, less than {least:g}%")
    return 1 if facts["failed"] or low else 0


def _of_path(trials: Sequence[Trial], workspace: Workspace, path: Path | None) -> tuple[Trial, ...]:
    if path is None or (below := path.resolve()) == workspace.root.resolve():
        return tuple(trials)
    return tuple(each for each in trials if (workspace.root / each.span.source.name).resolve().is_relative_to(below))


def _tested(trial: Trial, played: Played[Explanation | None, frozenset[Mark]]) -> report.Tested:
    if played.line is None or played.got is None:
        return report.Tested(trial, None)
    return report.Tested(trial, report.Failed(trial.lines[played.line], played.got, played.story, played.open))
