"""What was put in force, when, and what two deployments differ in by meaning.

Takes a connection; reads the deployments as they were stored, never the files of the workspace.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import Connection, select

from flowrules.content.deployed import Deployed, Library
from flowrules.program.compare import campaign_changes, policy_changes, schema_changes
from flowrules.program.plan import Difference, SchemaChange
from flowrules.report.plan import difference, policy_lines, schema_change, schema_lines
from flowrules.report.words import counted, iso
from flowrules.sql import tables

COLUMNS = ("deployment", "at", "commit", "author", "changes")


@dataclass(frozen=True, slots=True)
class Changed:
    """campaigns: name, what it is, lines of its flow."""

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
                f"{name}: {change}",
                *(f"  {'+' if each.change == 'added' else '-'} {each.text}" for each in flow),
            ]
        lines += policy_lines(list(self.policy))
        lines += schema_lines(self.schema)
        lines += ["", "templates that changed:", *(f"  {path}" for path in self.templates)] if self.templates else []
        return "\n".join(lines).lstrip("\n")

    def short(self) -> str:
        parts = [f"{name} {change}" for name, change, _ in self.campaigns]
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
        tuple(schema_changes(model, new.model)),
        tuple(sorted(differ)) if old is not None else (),
    )


def history(connection: Connection, limit: int) -> Iterator[dict[str, object]]:
    """The newest first."""
    library, d = Library(connection), tables.deployment.c
    query = select(d.id, d.at, d.commit, d.author).order_by(d.id.desc()).limit(limit)
    for row in connection.execute(query).all():
        before = library.deployment(row.id - 1) if row.id > 1 else None
        yield {
            "deployment": row.id,
            "at": iso(row.at),
            "commit": row.commit,
            "author": row.author,
            "changes": changed(before, library.deployment(row.id)).short(),
        }
