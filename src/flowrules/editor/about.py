"""What the words of the language mean, in a sentence or two, for whoever rests on one of them.

Takes a line and a place in it. docs/language.md says it whole. Knows no editor.
"""

from __future__ import annotations

import re

ABOUT = {
    "attribute": "Something known of each customer, with its type and perhaps a default.",
    "event": "Something customers do or that happens to them; below it stand its properties with their types.",
    "list": "Addresses or ids that a file of the workspace brings, to exclude or to suppress by.",
    "segment": "A condition with a name, for campaigns to let in, exclude and branch by.",
    "campaign": "A journey: who enters and who does not, and the stages and steps that follow.",
    "policy": (
        "What holds for all campaigns: time zone, purposes, classes, caps, quiet hours. A campaign may be "
        "stricter, never laxer."
    ),
    "owner": "Whom to ask about this campaign.",
    "class": (
        "The kind of message. The policy says of each class its purpose, whether caps hold for it (`limited`) and "
        "whether it counts against them (`counted`); the first class is the strongest."
    ),
    "priority": "Where two campaigns of one class want the same customer at the same moment, the higher goes first.",
    "enter when": (
        "What lets a customer in: an event, a time for a segment, a date, a stage, a tag or a segment joined."
    ),
    "keyed by": "A journey for each value of this property, such as one for each order.",
    "goal": "What the campaign is for. Counted once a journey; it ends the journey, unless `and stay`.",
    "exit when": "Whoever this becomes true of leaves at once.",
    "settle": "Acting because something has not happened comes so much later, for facts that are told late.",
    "exclude": (
        "Who is on the list, in the segment or on the way in that campaign does not enter, and leaves if that "
        "becomes true later."
    ),
    "cap": (
        "No message leaves that would be one too many in any stretch of that length, or in that calendar day, "
        "week or month of the customer. In a campaign it holds for its own messages, in the policy for all "
        "campaigns together."
    ),
    "when capped": (
        "What becomes of a message over a cap: it waits, is skipped, or the journey exits or goes elsewhere. "
        "Without this line it is skipped."
    ),
    "hold while": (
        "As long as this is true of a customer, no message of the campaign leaves for them; waits and goals go on."
    ),
    "hold out": "That share travels like everybody but is sent nothing: the control group.",
    "migrate": "Where those go on who are on the way in an earlier version. Without a line they finish that version.",
    "formerly": "The name this stage had before, so that its steps and figures are known again.",
    "stage": "A part of the journey. Whoever comes to it wears its name as their role in this funnel, one at a time.",
    "send": (
        "Channel and template. Withheld, and the journey goes on, where there is no address, no consent or a cap "
        "is reached."
    ),
    "send first of": (
        "The next is asked for where the one before has no address, no consent or can not reach the customer."
    ),
    "expires after": "What has not left by then, counted from when the step was come to, is not sent at all.",
    "wait": "Days, weeks and months keep the local time of day; hours and smaller are elapsed time.",
    "wait until": "The next such time where the customer lives; no wait at all if it is that time now.",
    "wait for": (
        "On at once when the event comes, also one that came since the stage was reached; the `else` when the "
        "time is over."
    ),
    "up to": "At most so long.",
    "if": "Another way for those of whom the condition is true.",
    "else": "The way of all others.",
    "unopened after": (
        "So long after the last message was handed over nobody has opened it: this branch. Opened: on at once by "
        "the `else`. Never sent: neither."
    ),
    "unclicked after": (
        "So long after the last message was handed over nobody has clicked in it: this branch. Clicked: on at "
        "once by the `else`. Never sent: neither."
    ),
    "split": "Each customer goes one of the ways, drawn once by the shares and kept for good.",
    "start campaign": "Lets the customer into another campaign, if that one will; `linked`: it ends with this journey.",
    "tag": "Puts a mark on the customer that every campaign can ask for with `tagged`.",
    "untag": "Takes the mark away.",
    "set": "Changes an attribute of the customer.",
    "go to": "On at another stage.",
    "exit": "The end of the journey, with your words for the reports.",
    "refresh entry": "A newer event takes the place of the one that let the customer in.",
    "time zone": "Whose clock counts for times and days: each customer's, else this one.",
    "purpose": (
        "What consent is given for. `ask first`: nobody is written to without a yes; `unless refused`: until a no."
    ),
    "suppress list": "Who is on it is sent nothing by these channels, whatever they consented to.",
    "quiet hours": "These channels are silent then, by the customer's clock; what would leave waits for the end.",
    "customer": "Somebody made up, for tests to share.",
    "test": "A story and what shall come of it, played on a clock of its own by `flowrules test`.",
    "given": "Who is there when the test begins.",
    "expect": "What must be true at this moment of the test.",
    "cases": "The test once for each row, with the row's values in the place of `<names>`.",
}
_PHRASES = re.compile(rf"\b(?:{'|'.join(sorted(ABOUT, key=len, reverse=True))})\b")
_ASIDE = re.compile(r'"[^"\n]*"?|#.*')
"""Words of people, not of the language."""


def about(line: str, at: int) -> str | None:
    """Of the phrase at that character of the line; the longest there is."""
    language = _ASIDE.sub(lambda found: " " * len(found[0]), line)
    phrase = next((found for found in _PHRASES.finditer(language) if found.start() <= at <= found.end()), None)
    return None if phrase is None else f"`{phrase[0]}`: {ABOUT[phrase[0]]}"
