"""FR2xx: flow and time."""

from __future__ import annotations

from flowrules.diagnostics.code import Code

_HEAD = "event signed_up\nevent purchase\ncampaign welcome:\n"
_ENTER = _HEAD + "    enter when signed_up\n"
_STAGE = _ENTER + "    stage first:\n"
_BOUGHT = "event purchase:\n    order_id: text\nsegment buyers: has purchase\ncampaign thanks:\n"
_KEYED = _BOUGHT + "    enter when purchase, keyed by order_id\n    stage first:\n        send email welcome\n"
_SENDS = "    stage first:\n        send email welcome"

CODES: tuple[Code, ...] = (
    Code(
        "FR201",
        "a stage nobody can reach",
        "Customers start in the first stage and come to another one by `go to` or `on EVENT go to`. A stage that ends"
        " does not fall into the next one.",
        _STAGE + "        send email welcome\n    stage second:\n        send email offer",
        _STAGE + "        send email welcome\n        go to second\n    stage second:\n        send email offer",
    ),
    Code(
        "FR202",
        "a step, branch or reaction that never has its turn",
        "What stands behind `go to` or `exit`, or behind an `if` whose every branch leaves the stage, is never reached;"
        " nor is a branch that asks the same as one before it.",
        _STAGE + "        exit\n        send email welcome",
        _STAGE + "        send email welcome\n        exit",
    ),
    Code(
        "FR203",
        "a circle without a wait",
        "A way that leads back to where it came from needs a wait of fixed length, such as `wait 1 day`: otherwise a"
        " customer could run round it without end in one moment. A wait for an event or for a clock time may be over"
        " at once and does not count; what stands under its `else` does, since that time has passed. So does"
        " `wait until 09:00 tomorrow`. The same holds for campaigns that set each other off: by `start campaign`, a"
        " stage, a tag, an attribute or a segment.",
        _STAGE + "        wait for purchase up to 5 days\n        go to first",
        _STAGE + "        wait for purchase up to 5 days\n        wait 1 day\n        go to first",
    ),
    Code(
        "FR204",
        "a contradiction",
        "Conditions joined by `and` (or by commas in brackets) must all hold for one customer at one moment. These"
        " never do.",
        'attribute plan: text\nsegment both: plan is "free" and plan is "pro"',
        'attribute plan: text\nsegment both: plan is "free" or plan is "pro"',
    ),
    Code(
        "FR205",
        "a line that stands twice",
        "A campaign has one owner, class, priority, `enter when`, goal, `settle` and share held out.",
        _ENTER + "    priority 10\n    priority 20\n    stage first:\n        send email welcome",
        _ENTER + "    priority 20\n    stage first:\n        send email welcome",
    ),
    Code(
        "FR206",
        "a campaign that never starts",
        "`enter when` says who comes in and when: an event, a time with a segment, a date of the customer, a change, or"
        " a stage of another campaign. A campaign that waits for a stage of its own would wait for ever. Only a"
        " campaign that a step of another one starts (`start campaign NAME`) does without.",
        _HEAD + "    stage first:\n        send email welcome",
        _STAGE + "        send email welcome",
    ),
    Code(
        "FR207",
        "a campaign without a stage",
        "What a campaign does stands in its stages.",
        _ENTER,
        _STAGE + "        send email welcome",
    ),
    Code(
        "FR208",
        "`after` where it can not stand",
        "`if email unopened after 2 days` waits for one reaction to stay away. It asks nothing else at the same time,"
        " has no `else if`, and takes `unopened` or `unclicked`; who reacts goes on at once under `else`.",
        _STAGE + "        send email welcome\n        if email opened after 2 days send email offer",
        _STAGE + "        send email welcome\n        if email unopened after 2 days send email offer",
    ),
    Code(
        "FR209",
        "true of everyone",
        "At least 0 times is true of every customer.",
        "event purchase\nsegment all_of_them: has purchase at least 0 times",
        "event purchase\nsegment buyers: has purchase at least 1 time",
    ),
    Code(
        "FR210",
        "a campaign that shuts out its own customers",
        "A campaign can not exclude itself, nor the segment it is for.",
        _ENTER + "    exclude campaign welcome\n    stage first:\n        send email welcome",
        _STAGE + "        send email welcome",
    ),
    Code(
        "FR211",
        "a reaction asked for at once",
        "Directly behind the `send` nobody has opened anything yet. Give people time with `after`. This is a warning.",
        _STAGE + "        send email welcome\n        if email unopened send email offer",
        _STAGE + "        send email welcome\n        if email unopened after 2 days send email offer",
    ),
    Code(
        "FR212",
        "arms that do not add up to 100%",
        "A split sends every customer one way, so the shares of its arms add up to 100%.",
        _STAGE + "        split ab:\n            50% short:\n                tag short\n"
        "            40% long:\n                tag long",
        _STAGE + "        split ab:\n            50% short:\n                tag short\n"
        "            50% long:\n                tag long",
    ),
    Code(
        "FR220",
        "what can not be a key",
        "`keyed by` makes one journey for each value of a property of the event that lets the customer in: an order's"
        " number, a quote. A time with a segment has no properties; a list is not one value.",
        _BOUGHT + "    enter when every day at 09:00 for segment buyers, keyed by order_id\n" + _SENDS,
        _BOUGHT + "    enter when purchase, keyed by order_id\n" + _SENDS,
    ),
    Code(
        "FR221",
        "a key of two types",
        'An event that has the key\'s property concerns only the journey with that value. 1 and "1" are one key or two,'
        " as the type says; so the type must be the same in both events.",
        "event refund:\n    order_id: integer\n"
        + _BOUGHT
        + "    enter when purchase, keyed by order_id\n    exit when refund\n"
        + _SENDS,
        "event refund:\n    order_id: text\n"
        + _BOUGHT
        + "    enter when purchase, keyed by order_id\n    exit when refund\n"
        + _SENDS,
    ),
    Code(
        "FR222",
        "an event that can not become the entry",
        "`refresh entry` replaces the event that let the customer in by a newer one. Messages read its properties as"
        " `entry.PROPERTY`; so it must be the same kind of event, and in a campaign that an event starts.",
        "event refund\n" + _BOUGHT + "    enter when purchase\n" + _SENDS + "\n        on refund refresh entry",
        "event refund\n" + _BOUGHT + "    enter when purchase\n" + _SENDS + "\n        on purchase refresh entry",
    ),
    Code(
        "FR224",
        "a start without the key",
        "A campaign with `keyed by` has one journey for each value of a property. One that a step starts takes its"
        " value from the journey that starts it; so that one must have the same key.",
        _KEYED + "campaign news:\n    enter when purchase\n    stage first:\n        start campaign thanks",
        _KEYED
        + "campaign news:\n    enter when purchase, keyed by order_id\n    stage first:\n        start campaign thanks",
    ),
    Code(
        "FR230",
        "people moved to a step that is not there",
        "A line of `migrate` may lead to a step of this campaign as it is now, named by its key: the stage, what the"
        " step does, and from the second equal one on its number. `flowrules plan` shows the keys.",
        _ENTER + '    migrate:\n        from "first/wait" move to "first/wait #2"\n' + _SENDS,
        _ENTER + '    migrate:\n        from "first/wait" move to "first/send email welcome"\n' + _SENDS,
    ),
    Code(
        "FR231",
        "waits where nobody waits",
        "`keep waits`, `recompute waits` and `restart waits` say what becomes of a wait that is under way. Whoever is"
        " moved to a stage, or to a step that is no wait, begins there.",
        _ENTER + '    migrate:\n        from "first/wait" move to stage first, keep waits\n' + _SENDS,
        _ENTER + '    migrate:\n        from "first/wait" move to stage first\n' + _SENDS,
    ),
    Code(
        "FR232",
        "a former name that is still in use",
        "`formerly` gives the name that a stage had. A stage that is still there has not been renamed.",
        _STAGE.replace("stage first:", "stage first formerly second:")
        + "        send email welcome\n        go to second\n    stage second:\n        send email offer",
        _STAGE.replace("stage first:", "stage first formerly begin:")
        + "        send email welcome\n        go to second\n    stage second:\n        send email offer",
    ),
)
