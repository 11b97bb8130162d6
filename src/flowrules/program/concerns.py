"""Whom a change concerns that holds for everybody at once: campaigns, by what they send.

Takes what changed and a model; gives names of campaigns and steps.
"""

from __future__ import annotations

from collections.abc import Iterator

from flowrules.model import campaign as m
from flowrules.model.snapshot import Template
from flowrules.program.machine import machine


def by_policy(clause: object, model: m.Model) -> tuple[str, ...]:
    """The campaigns that a line of the policy is asked for."""
    return tuple(sorted(each.name for each in model.campaigns if _concerns(clause, each)))


def _concerns(clause: object, campaign: m.Campaign) -> bool:
    of_class = campaign.message_class
    match clause:
        case m.Cap():
            found = of_class.limited and _sends_by(campaign, clause.channels)
        case m.WhenCapped():
            found = of_class.limited
        case m.QuietHours() | m.Suppression():
            found = _sends_by(campaign, clause.channels)
        case m.Purpose():
            found = of_class.purpose.name == clause.name
        case m.MessageClass():
            found = of_class.name == clause.name
        case m.UniversalHoldOut():
            found = not clause.classes or of_class.name in clause.classes
        case _:
            found = True
    return found


def _sends_by(campaign: m.Campaign, channels: tuple[str, ...]) -> bool:
    """channels: empty for any."""
    return any(not channels or send.channel.name in channels for _, send in _sends(campaign))


def _sends(campaign: m.Campaign) -> Iterator[tuple[str, m.Send]]:
    for node in machine(campaign).nodes:
        send = node.send
        while send is not None:
            yield node.key, send
            send = send.instead


def by_template(template: Template, model: m.Model) -> Iterator[tuple[str, str]]:
    """(campaign, step) of the messages that it writes."""
    for campaign in model.campaigns:
        written = (key for key, send in _sends(campaign) if _writes(template, send))
        yield from ((campaign.name, key) for key in dict.fromkeys(written))


def _writes(template: Template, send: m.Send) -> bool:
    return (send.channel.name, send.template) == (template.channel, template.name)
