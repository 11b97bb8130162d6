"""`flowrules customer show|export|erase ID`: what is known of one customer, and its end."""

from __future__ import annotations

from typing import Any

import click

from flowrules.cli import clock
from flowrules.cli.context import Context, UserError
from flowrules.cli.output import emit, formats, table
from flowrules.report import customer as report
from flowrules.report.lookup import find_customer, others_called
from flowrules.report.words import counted, told
from flowrules.runtime.erase import erase
from flowrules.sql.tables import OUTDATED

_NEWEST = 10


@click.command("customer")
@click.argument("action", type=click.Choice(["show", "export", "erase"]))
@click.argument("customer", metavar="ID")
@click.option("--yes", is_flag=True, help="Erase; there is no way back.")
@formats("text", "json")
@click.pass_obj
def command(context: Context, *, action: str, customer: str, yes: bool, format_: str) -> None:
    """Show, export or erase the customer with this id, email or phone.

    `export` gives everything as JSON. `erase` removes who the customer is and keeps what was counted; it needs --yes.
    """
    workspace = context.workspace()
    database = context.database(workspace)
    now = clock.wall() if not workspace.virtual_clock else clock.now(workspace, database, None)
    with database.read() as connection:
        customer_id = find_customer(connection, customer)
        others = others_called(connection, customer, customer_id)
        if others:
            context.warn(f"`{customer}` is or was the address of others too, by id: {', '.join(others)}")
        if action != "erase":
            facts = (report.export if action == "export" else report.show)(connection, customer_id, now)
            if action == "show" and format_ == "text":
                context.note(f"times are local: {workspace.zone}")
            emit("json" if action == "export" else format_, "customer", facts, _card(facts, workspace.zone))
            return
    if not yes:
        raise UserError(
            f"erasing {customer} can not be undone", "`flowrules customer export` keeps a copy; --yes goes on"
        )
    erased = erase(database, customer_id, now)
    gone = {
        "id": erased.anonymous_id,
        "journeys": erased.journeys,
        "messages": erased.messages,
        "refusals": erased.refusals,
    }
    said = [
        f"erased; what was counted is kept as {erased.anonymous_id}",
        f"{counted(erased.journeys, 'journey')} to end with the next tick",
        f"{counted(erased.messages, 'message')} taken back, {counted(erased.refusals, 'refusal')} kept",
    ]
    emit(format_, "customer_erase", gone, "\n".join(said))


def _card(facts: dict[str, Any], zone: str) -> str:
    attributes = [(name, _value(value)) for name, value in facts["attributes"].items()]
    counting = (each for each in facts["consents"] if each["state"] != OUTDATED)
    consents = {(each["channel"], each["purpose"]): each for each in counting}.values()
    inside = [each for each in facts["enrollments"] if each["ended_at"] is None]
    events = [(each["event"], told(each["time"], zone, exact=False)) for each in facts["events"][-_NEWEST:]]
    parts = [
        ("attribute", "value", attributes),
        ("consent", "state", [(f"{each['purpose']} by {each['channel']}", each["state"]) for each in consents]),
        ("journey", "stage", [(each["campaign"], each["stage"]) for each in inside]),
        ("event", "time", events),
        ("message", "status", [(each["message_id"], each["status"]) for each in facts["messages"][-_NEWEST:]]),
    ]
    lines = [facts["id"]]
    for name, words in (("tags", facts["tags"]), ("segments", facts["segments"])):
        if words:
            lines.append(f"{name}: {', '.join(words)}")
    for left, right, rows in parts:
        if rows:
            lines += ["", table((left, right), rows)]
    return "\n".join(lines)


def _value(value: object) -> object:
    if isinstance(value, dict):
        return " ".join(map(str, value.values()))
    return ", ".join(value) if isinstance(value, list) else value
