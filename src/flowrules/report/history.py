"""What was put in force, when, and what two deployments differ in by meaning.

Takes a connection; reads the deployments as they were stored, never the files of the workspace.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, func, literal_column, select

from flowrules.content.deployed import Deployed, Library
from flowrules.program.compare import campaign_changes, policy_changes, schema_changes, segment_changes
from flowrules.program.plan import Difference, SchemaChange
from flowrules.report.plan import difference, policy_lines, said, schema_change, schema_lines, template_lines
from flowrules.report.words import count, counted, iso
from flowrules.sql import tables
from flowrules.sql.canary import percent
from flowrules.sql.codes import Move

SHOWN = ("deployment", "at", "commit", "author", "changes")
COLUMNS = (*SHOWN, "moved", "taken_out", "canary")
_CHANGES = {"unchanged": "the same, but for what becomes of those inside"}
_SHORT = {"unchanged": "migrate"}


@dataclass(frozen=True, slots=True)
class Changed:
    """campaigns: name, what it is, lines of its flow and of `migrate`."""

    campaigns: tuple[tuple[str, str, tuple[Difference, ...]], ...]
    policy: tuple[Difference, ...]
    schema: tuple[SchemaChange, ...]
    templates: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.campaigns or self.policy or self.schema or self.templates)

    def facts(self) -> dict[str, object]:
        return {
            "campaigns": [
                {"name": name, "change": change, "lines": [difference(each) for each in lines]}
                for name, change, lines in self.campaigns
            ],
            "policy": [difference(each) for each in self.policy],
            "declarations": [schema_change(each) for each in self.schema],
            "templates": list(self.templates),
        }

    def text(self) -> str:
        if not self:
            return "they mean the same"
        lines = []
        for name, change, flow in self.campaigns:
            lines += [
                "",
                f"{name}: {_CHANGES.get(change, change)}",
                *(f"  {line}" for line in said(flow)),
            ]
        lines += policy_lines(list(self.policy))
        lines += schema_lines(self.schema)
        lines += template_lines(self.templates)
        return "\n".join(lines).lstrip("\n")

    def short(self) -> str:
        parts = [f"{name} {_SHORT.get(change, change)}" for name, change, _ in self.campaigns]
        parts += ["policy"] if self.policy else []
        parts += ["declarations"] if self.schema else []
        parts += [counted(len(self.templates), "template")] if self.templates else []
        return ", ".join(parts) or "nothing"


def changed(old: Deployed | None, new: Deployed) -> Changed:
    model = None if old is None else old.model

    def nothing(_place: str) -> None:
        return None

    then = nothing if old is None else old.line
    paths = [{} if each is None else {t.path: t for t in each.snapshot.templates} for each in (old, new)]
    differ = [path for path in paths[0].keys() | paths[1].keys() if paths[0].get(path) != paths[1].get(path)]
    return Changed(
        tuple(campaign_changes(model, new.model, then, new.line)),
        tuple(policy_changes(model, new.model, then, new.line)),
        (*schema_changes(model, new.model), *segment_changes(model, new.model, then, new.line)),
        tuple(sorted(differ)) if old is not None else (),
    )


def history(connection: Connection, limit: int) -> Iterator[dict[str, object]]:
    """The newest first."""
    library, d = Library(connection), tables.deployment.c
    query = select(d.id, d.at, d.commit, d.author, d.canary).order_by(d.id.desc()).limit(limit)
    rows = connection.execute(query).all()
    moves = _moves(connection, [row.at for row in rows])
    shares = {row.id: row.canary for row in connection.execute(select(d.id, d.canary))}
    for row in rows:
        before = library.deployment(row.id - 1) if row.id > 1 else None
        moved, out = moves[row.at, False], moves[row.at, True]
        differ, widened = changed(before, library.deployment(row.id)), row.canary is None and shares.get(row.id - 1)
        parts = [differ.short()] if differ or not (row.canary or widened) else []
        parts += [f"canary {percent(row.canary)}"] if row.canary else ["for everybody"] if widened else []
        parts += [f"{count(moved)} moved"] if moved else []
        parts += [f"{count(out)} taken out"] if out else []
        yield {
            "deployment": row.id,
            "at": iso(row.at),
            "commit": row.commit,
            "author": row.author,
            "changes": "; ".join(parts),
            "moved": moved,
            "taken_out": out,
            "canary": None if row.canary is None else percent(row.canary),
        }


def _moves(connection: Connection, instants: Sequence[int]) -> Counter[tuple[int, bool]]:
    """By the instant of a deployment: whom it brought elsewhere, and whom out."""
    at, kind = tables.move.c.at + literal_column("0"), tables.move.c.kind  # as its index has it
    query = select(at, kind == Move.EXIT, func.count()).where(at.in_(instants)).group_by(at, kind == Move.EXIT)
    return Counter({(row[0], bool(row[1])): row[2] for row in connection.execute(query)})
