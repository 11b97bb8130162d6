"""A plan as people and programs read it.

Takes a Plan; gives its facts and its text: counts first, each step on demand.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from textwrap import wrap

from flowrules.program.plan import CampaignChange, Difference, Nobody, Past, Plan, SchemaChange, Step, refusal, to_paste
from flowrules.report.print import WIDTH
from flowrules.report.words import count, counted, iso, moment
from flowrules.sql.canary import percent
from flowrules.store.journal import ListChange

SIGNS = {"added": "+", "removed": "-", "retyped": "~", "renamed": "~"}


def facts(plan: Plan) -> dict[str, object]:
    return {
        "deployment": plan.deployment,
        "as_of": iso(plan.at),
        "changes": plan.changes,
        "in_flight": plan.in_flight,
        "campaigns": [
            {
                "name": each.name,
                "change": each.change,
                "version": each.version,
                "before": each.before,
                "canary": _share(each.share),
                "others": each.others or None,
                "canary_before": _share(each.until_now),
                "lines": [difference(line) for line in plan.flow if line.where == each.name],
            }
            for each in plan.campaigns
        ],
        "steps": [_step(step) for step in plan.steps],
        "policy": [{**difference(each), "concerns": list(each.campaigns)} for each in plan.policy],
        "declarations": [schema_change(each) for each in plan.schema],
        "templates": list(plan.templates),
        "written_anew": [
            {"campaign": campaign, "step": step, "template": path} for campaign, step, path in plan.written
        ],
        "migrate": dict(to_paste(plan.refused)),
        "acts": [{"campaign": act.campaign, "rule": act.rule, "deed": act.deed} for act in sorted(plan.acts)],
        "canary": _share(plan.canary),
        "canary_millionths": plan.canary,
        "nobody_there": [
            {"campaign": each.campaign, "rule": each.place, "kind": each.kind, "name": each.name, "near": each.near}
            for each in plan.nobody
        ],
        "gone_by": [{"campaign": each.campaign, "rule": each.place, "at": iso(each.moment)} for each in plan.past],
    }


def _step(step: Step) -> dict[str, object]:
    position, fate = step.position, step.fate
    return {
        "campaign": position.campaign,
        "step": position.step,
        "version": position.number,
        "stay": step.stay,
        "move": step.move,
        "exit": step.exit,
        "send_now": step.send_now,
        "waits": {"longer": step.longer, "shorter": step.shorter},
        "action": fate.action,
        "to": step.to,
        "rule": fate.rule,
        "held_out": position.held_out,
        "why": fate.why,
        "go_on_first": position.through,
    }


def difference(each: Difference) -> dict[str, object]:
    return {"change": each.change, "where": each.where, "text": each.text}


def schema_change(each: SchemaChange) -> dict[str, object]:
    return {
        "change": each.change, "kind": each.kind, "name": each.name, "before": each.before, "after": each.after,
    }  # fmt: skip


def text(
    plan: Plan, zone: str, *, verbose: bool = False, only: str | None = None, lists: Sequence[ListChange] = ()
) -> str:
    lines = [_against(plan, zone, "no rule changes" if lists else "nothing changes")]
    shown = [each for each in plan.campaigns if only in {None, each.name}]
    for campaign in shown:
        steps = [step for step in plan.steps if step.position.campaign == campaign.name]
        news = campaign.change != "unchanged" or campaign.share != campaign.until_now
        if news or any(step.fate.action != "stay" for step in steps) or verbose or only:
            lines += ["", *_campaign(campaign, steps, verbose=verbose or only is not None)]
            flow = [each for each in plan.flow if each.where == campaign.name]
            if flow and (verbose or only):
                lines += [
                    f"    what is otherwise in version {campaign.version}:",
                    *(f"      {line}" for line in said(flow)),
                ]
    inside: Counter[str] = Counter()
    for step in plan.steps:
        inside[step.position.campaign] += step.position.customers
    lines += policy_lines([each for each in plan.policy if only in {None, each.where}], inside if verbose else None)
    if only is None:
        lines += schema_lines(plan.schema)
        lines += template_lines(plan.templates, plan.written if verbose else ())
        lines += ["", *map(list_line, lists)] if lists else []
    warnings = nobody_lines([each for each in plan.nobody if only in {None, each.campaign}])
    for line in [*warnings, *past_lines([each for each in plan.past if only in {None, each.campaign}], zone)]:
        lines += ["", *_prose(f"warning: {line}")]
    if plan.refused:
        why, way_out = refusal(plan)
        advice, _, to_write = way_out.partition("\n")
        lines += ["", *_prose(f"refused: {why}"), *_prose(f"  {advice}"), *([to_write] if to_write else [])]
    return "\n".join(lines)


def _prose(line: str) -> list[str]:
    """What is no line of rules, to be copied, fits a terminal."""
    indent = line[: len(line) - len(line.lstrip())] + "  "
    return wrap(line, WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)


def _against(plan: Plan, zone: str, unchanged: str) -> str:
    if not plan.deployment:
        return "nothing is in force yet"
    as_of = "" if plan.at is None else f", as of {moment(plan.at, zone)}"
    head = f"against deployment {plan.deployment}{as_of}: {counted(plan.in_flight, 'customer')} on their way"
    return head if plan.changes else f"{head}; {unchanged}"


def _campaign(campaign: CampaignChange, steps: list[Step], *, verbose: bool) -> Iterator[str]:
    inside = sum(step.position.customers for step in steps)
    yield f"{campaign.name}: {_change(campaign)}"
    if campaign.share or campaign.until_now:
        yield f"  {shares(campaign)}"
    if inside:
        yield from _prose(f"  {_counts(campaign, steps)}")
    now = sum(step.send_now for step in steps)
    if now:
        yield f"  up to {counted(now, 'customer')} {'is' if now == 1 else 'are'} sent something at once"
    longer, shorter = sum(step.longer for step in steps), sum(step.shorter for step in steps)
    waits = [f"{count(number)} {word}" for number, word in ((longer, "longer"), (shorter, "shorter")) if number]
    if waits:
        yield f"  of those who wait, {' and '.join(waits)} than they would have"
    if verbose:
        yield from (f"    {line}" for step in steps for line in _at(step))


def _change(campaign: CampaignChange) -> str:
    match campaign.change:
        case "added":
            return f"added, version {campaign.version}"
        case "changed":
            becomes = "" if campaign.share else f" {campaign.before} becomes"
            return f"changed, version{becomes} {campaign.version}"
        case "removed":
            return "removed: nobody enters any more"
        case _:
            return f"unchanged, version {campaign.version}"


def _share(millionths: int | None) -> str | None:
    return None if millionths is None else percent(millionths)


def shares(campaign: CampaignChange) -> str:
    """Who enters which version from now on."""
    version, changed = f"version {campaign.version}", campaign.change != "unchanged"
    before = "" if changed or campaign.until_now is None else f", {percent(campaign.until_now)} until now"
    if campaign.share is None:
        return f"{version} is for everybody who enters{before}"
    whom = f"{percent(campaign.share)} of those who enter{before}"
    return f"{version} is for {whom}; the others go on entering version {campaign.others}"


def _counts(campaign: CampaignChange, steps: list[Step]) -> str:
    inside = sum(step.position.customers for step in steps)
    moved, left = sum(step.move for step in steps), sum(step.exit for step in steps)
    lost = sum(step.stay for step in steps if step.fate.action == "refused")
    first = sum(step.position.through for step in steps)
    stay = inside - moved - left - lost - first
    what = "finish it" if campaign.change == "removed" else "stay in the version they are in"
    what = {1: what.replace("finish", "finishes").replace("stay", "stays")}.get(stay, what)
    parts = [f"{count(stay)} {what}"] if stay else []
    parts += [f"{count(moved)} move{_s(moved)}"] if moved else []
    parts += [f"{count(left)} leave{_s(left)}"] if left else []
    parts += [_first(first)] if first else []
    parts += [f"of {count(lost)} nobody has said what becomes of them"] if lost else []
    ghosts = sum(step.position.held_out for step in steps)
    held_out = f", {count(ghosts)} of them held out" if ghosts else ""
    return f"{count(inside)} on their way{held_out}: {', '.join(parts)}"


def _at(step: Step) -> Iterator[str]:
    where = f"{step.position.step} (version {step.position.number})"
    ghosts = f", {count(step.position.held_out)} of them held out" if step.position.held_out else ""
    whole, first = step.here, step.position.through
    if first:
        yield f"{where}: {_first(first)}"
    if not whole:
        return
    if step.fate.action == "stay" or step.stay == whole:
        lost = ": nobody has said what becomes of them" if step.fate.action == "refused" else f" stay{_s(whole)}"
        yield f"{where}: {count(whole)}{lost}{ghosts}"
        return
    acting = step.move + step.exit
    doing = f"move{_s(acting)} to {step.to}" if step.fate.action == "move" else f"leave{_s(acting)}"
    yield f"{where}: {count(acting)} {doing}{ghosts}"
    notes = [f"up to {count(step.send_now)} sent something at once"] if step.send_now else []
    notes += [f"{count(step.stay)} stay{_s(step.stay)} until the message is through"] if step.stay else []
    notes += {
        "keep": ["waits end when they would have"],
        "recompute": ["waits last as long as this version says, from when they began"],
    }.get(step.fate.timers, [])
    yield f"    {', '.join([*notes, step.fate.rule or ''])}"


def _first(number: int) -> str:
    """Where to, only the planner can tell."""
    return f"{count(number)} {'goes' if number == 1 else 'go'} on first, for the message is through"


def _s(number: int) -> str:
    """`one moves`, `two move`."""
    return "s" if number == 1 else ""


def said(differences: Sequence[Difference]) -> Iterator[str]:
    """Line by line. What is both gone and new in the same words means something else: what it names was changed."""
    gone, fresh = ({each.text for each in differences if each.change == kind} for kind in ("removed", "added"))
    for each in differences:
        if each.text not in gone & fresh:
            yield f"{SIGNS[each.change]} {each.text}"
        elif each.change == "added":
            yield f"~ {each.text} (what it names is another now)"


def policy_lines(changes: list[Difference], inside: Mapping[str, int] | None = None) -> list[str]:
    """inside: how many are on their way in each campaign, where it is to be said whom it concerns."""
    lines = []
    for where in dict.fromkeys(each.where for each in changes):
        whose = "the policy" if where == "policy" else where
        here = [each for each in changes if each.where == where]
        lines += ["", f"{whose}, for everybody at once:", *(f"  {line}" for line in said(here))]
        if inside is not None and where == "policy":
            names = sorted({name for each in here for name in each.campaigns})
            those = [f"{name} ({count(inside.get(name, 0))} on their way)" for name in names]
            lines.append(f"    it concerns {', '.join(those)}" if those else "    it concerns no campaign")
    return lines


def template_lines(paths: Sequence[str], written: Sequence[tuple[str, str, str]] = ()) -> list[str]:
    """written: (campaign, step, path), where it is to be said of which messages they are."""
    if not paths:
        return []
    lines = ["", "templates, for everybody at once:"]
    for path in paths:
        lines.append(f"  ~ {path}")
        lines += [f"    {campaign}: {step}" for campaign, step, of in written if of == path]
    return lines


def past_lines(found: Sequence[Past], zone: str) -> list[str]:
    lines = []
    for each in found:
        when = moment(each.moment, zone)
        late = f"{when} will have gone by when this is put in force, so nobody enters `{each.campaign}`"
        lines.append(f"{each.place}: {late}; write a later time, or `once now`")
    return lines


def list_line(each: ListChange) -> str:
    before = "1 entry" if each.before == 1 else f"{count(each.before)} entries"
    return f"list {each.name}: {before} until now, {count(each.added)} new, {count(each.lost)} gone"


def nobody_lines(found: Sequence[Nobody]) -> list[str]:
    """What a slip of the pen in `migrate` would do: nothing."""
    lines = []
    for each in found:
        near = "" if each.near is None else f"; did you mean `{each.near}`?"
        never = f"no version of `{each.campaign}` ever had a {each.kind} `{each.name}`"
        lines.append(f"{each.place}: {never}, so this line is for nobody{near}")
    return lines


def schema_lines(changes: tuple[SchemaChange, ...]) -> list[str]:
    if not changes:
        return []
    lines = ["", "declarations:"]
    for each in changes:
        types = " becomes ".join(filter(None, (each.before, each.after)))
        lines.append(f"  {SIGNS[each.change]} {each.kind} {each.name}" + (f": {types}" if types else ""))
    return lines
