"""`flowrules test`: the tests that stand in the rule files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click
from sqlalchemy import Connection

from flowrules import __version__
from flowrules.check import Checked
from flowrules.cli.context import Context, FilesError, UserError, errors_of
from flowrules.cli.funnel import colour, plain
from flowrules.cli.output import emit, formats
from flowrules.content.deployed import Deployed
from flowrules.model.campaign import Model
from flowrules.model.involved import parts
from flowrules.model.snapshot import Snapshot
from flowrules.model.trial import Got, Line, Trial
from flowrules.report import trials as report
from flowrules.report.coverage import Coverage, Mark, gather, spots
from flowrules.report.expectations import judge
from flowrules.report.explain import Explanation
from flowrules.report.mutation import Mutated
from flowrules.report.trials_ci import junit, remarks, tap
from flowrules.runtime.mutation import Tried, mutate
from flowrules.runtime.tested import Chosen, choose, remember
from flowrules.runtime.trial import Audience, Played, theatre
from flowrules.runtime.troupe import play_all
from flowrules.whatif.answer import suppose
from flowrules.workspace import Workspace


@click.command("test")
@click.argument("path", type=click.Path(exists=True, path_type=Path), required=False)
@click.option("--changed", is_flag=True, help="Only the tests that what has changed since they passed can affect.")
@click.option("--coverage", "covering", is_flag=True, help="Say what of the rules no test makes use of.")
@click.option("--min", "least", type=click.FloatRange(0, 100), metavar="N", help="Coverage below N per cent fails.")
@click.option("--annotate", is_flag=True, help="Coverage, with the rule files line by line.")
@click.option("--mutate", "mutating", is_flag=True, help="Change one thing of the rules at a time: does a test notice?")
@click.option("--budget", type=click.IntRange(min=1), metavar="SECONDS", help="Time for --mutate; else all is tried.")
@click.option("--jobs", type=click.IntRange(min=1), metavar="N", help="So many processes; else as many as help.")
@formats("text", "json", "junit", "github", "tap")
@click.pass_obj
def command(
    context: Context,
    *,
    path: Path | None,
    changed: bool,
    covering: bool,
    least: float | None,
    annotate: bool,
    mutating: bool,
    budget: int | None,
    jobs: int | None,
    format_: str,
) -> int:
    """Run the tests that stand in the rule files, each with customers and a clock of its own. Nothing is sent.

    PATH is a workspace, or a folder or file in one: then only its tests are run, on the rules of the whole workspace.
    """
    covering = covering or annotate or least is not None
    if changed and (covering or mutating):
        raise click.UsageError("'--changed' leaves tests out; coverage and mutation ask all of them.")
    if path is not None:
        context.directory = path if path.is_dir() else path.parent
    workspace = context.workspace()
    files, checked, model = _rules(context, workspace)
    trials = _of_path(checked.trials, workspace, path)
    if not trials:
        raise UserError("no test was found", 'a test stands in a rule file, and begins with `test "...":`')
    chosen = _chosen(workspace, files, model, trials) if changed else [Chosen(trial, {}, " ") for trial in trials]
    to_play = [each.trial for each in chosen if each.why]
    audience: Audience[Explanation | None, frozenset[Mark]] = Audience(judge, _tell, gather if covering else None)
    with theatre(files, model, to_play, audience) as stage:
        played = list(play_all(stage, to_play, jobs))
    tested = list(map(_tested, to_play, played))
    failed = [each.trial.title for each in tested if each.failed is not None]
    if changed:
        # Of a part of the tests the others stay known: what is asked for is never less than all.
        everything = chosen if path is None else _chosen(workspace, files, model, checked.trials)
        left = {each.trial.title for each in everything if each.why} - {trial.title for trial in to_play}
        remember(workspace.root, __version__, everything, [*failed, *left])
    covered = None
    if covering:
        marks = frozenset(mark for each in played for found in each.gathered for mark in found)
        covered = Coverage(spots(model, files.sources), marks, files.sources)
    mutated = _mutated(files, model, trials, jobs, budget) if mutating and not failed else None
    result = report.Result(tested, _choices(chosen) if changed else (), covered, mutated)
    _show(format_, result, annotate=annotate)
    low = covered is not None and least is not None and covered.percent < least
    if covered is not None and least is not None and low:
        context.note(f"coverage is {covered.percent:g}%, less than {least:g}%")
    if mutating and failed:
        context.note("where tests fail already, nothing can be said of changes to the rules")
    return 1 if failed or low else 0


def _tell(connection: Connection, known: dict[int, Deployed], line: Line, got: Got) -> Explanation | None:
    """The story with what its conditions found."""
    story = report.tell(connection, known, line, got)
    if story is None or got.who is None:
        return story
    return story.supposing(suppose(connection, got.who, None, story.zone, line.at, known))


def _rules(context: Context, workspace: Workspace) -> tuple[Snapshot, Checked, Model]:
    files, checked = context.checked(workspace)
    if checked.model is None or checked.errors:
        raise FilesError(errors_of(checked), checked.files, checked.campaigns)
    return files, checked, checked.model


def _of_path(trials: Sequence[Trial], workspace: Workspace, path: Path | None) -> tuple[Trial, ...]:
    if path is None or (below := path.resolve()) == workspace.root.resolve():
        return tuple(trials)
    return tuple(each for each in trials if (workspace.root / each.span.source.name).resolve().is_relative_to(below))


def _chosen(workspace: Workspace, files: Snapshot, model: Model, trials: Sequence[Trial]) -> list[Chosen]:
    return choose(workspace.root, __version__, [(trial, parts(model, trial, files.templates)) for trial in trials])


def _choices(chosen: Sequence[Chosen]) -> list[report.Choice]:
    return [report.Choice(each.trial, each.why, tuple(each.parts)) for each in chosen]


def _tested(trial: Trial, played: Played[Explanation | None, frozenset[Mark]]) -> report.Tested:
    if played.line is None or played.got is None:
        return report.Tested(trial, None)
    return report.Tested(trial, report.Failed(trial.lines[played.line], played.got, played.story, played.open))


def _mutated(
    files: Snapshot, model: Model, trials: Sequence[Trial], jobs: int | None, budget: int | None
) -> Mutated:  # fmt: skip
    ends = list(mutate(files, model, trials, judge, jobs=jobs, budget=budget))
    tried = [each for each in ends if isinstance(each, Tried)]
    return Mutated(
        sum(each.end == "noticed" for each in tried),
        [each.mutant for each in tried if each.end == "survived"],
        len(ends) - len(tried),
    )


def _show(format_: str, result: report.Result, *, annotate: bool) -> None:
    match format_:
        case "junit":
            click.echo(junit(result.tested))
        case "github":
            click.echo("".join(f"{line}\n" for line in remarks(result)), nl=False)
        case "tap":
            click.echo("\n".join(tap(result.tested)))
        case _:
            emit(format_, "test", result.facts(), result.text(colour=colour(), plain=plain(), annotate=annotate))
