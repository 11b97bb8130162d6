"""Random programs as text, of every construct of this slice."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.reference.generate_words import CAMPAIGNS, DECLARATIONS, TAGS, TEMPLATES, WINDOWS, Dice

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

EVENTS = ("login", "form", "purchase", "booked")
ANY_MESSAGE = (("email", ""), ("sms", ""))
REACTIONS = ("email_opened", "email_clicked", "sms_delivered", "email_bounced")
STAGES = ("start_here", "middle", "late", "last_call")
STEPS_MOST = 4
DEEPEST = 2


def program(dice: Dice) -> str:
    """A whole file of rules."""
    names = dice.distinct(CAMPAIGNS, 1, 5)
    stages = {name: STAGES[: dice.number(1, 4)] for name in names}
    words = Words(dice, stages)
    segments = words.segments()
    for name in names:
        words.entries[name] = words.entry(name)
    policy, classes = words.policy()
    campaigns = [Writer(words, name, classes).campaign() for name in names]
    return "\n".join([DECLARATIONS, *segments, "", policy, "", *campaigns])


@dataclass
class Words:
    """Conditions, filters and the declarations made of them."""

    dice: Dice
    stages: dict[str, tuple[str, ...]]
    known_segments: list[str] = field(default_factory=list)
    entries: dict[str, tuple[str, str]] = field(default_factory=dict)  # trigger and key
    started: set[str] = field(default_factory=set)
    used: set[str] = field(default_factory=set)  # attributes and tests of the condition being written

    # --- entries ----------------------------------------------------------------------------------

    def entry(self, name: str) -> tuple[str, str]:
        """Often that of the campaign before."""
        dice = self.dice
        before = list(self.entries.values())[-1][0] if self.entries else ""
        if before and f"stage {name}." not in before and dice.chance(40):
            trigger = before
        elif dice.chance(12):
            trigger = dice.pick(DATES)
        elif dice.chance(15):
            trigger = f"{dice.pick(('joins', 'joins', 'leaves'))} segment {dice.pick(self.known_segments)}"
        elif len(self.stages) > 1 and dice.chance(25):
            trigger = self.inner_trigger(name)
        elif dice.chance(75):
            trigger = "email_opened" if dice.chance(5) else dice.pick(ENTRIES)
        else:
            trigger = f"{dice.pick(SCHEDULES)} for segment {dice.pick(self.known_segments)}"
        keys = KEYS.get(trigger.split(" (", maxsplit=1)[0], ())
        return trigger, dice.pick(keys) if keys and dice.chance(50) else ""

    def inner_trigger(self, name: str) -> str:
        """What a step of some campaign sets off."""
        dice = self.dice
        other = dice.pick([each for each in self.stages if each != name])
        choices: tuple[Callable[[], str], ...] = (
            lambda: f"reaches stage {other}.{dice.pick(self.stages[other])}",
            lambda: f"gets tag {dice.pick(TAGS)}",
            lambda: dice.pick(CHANGES),
        )
        return dice.pick(choices)()

    def startable(self, name: str) -> list[str]:
        """Campaigns behind this one, so that none goes in circles; a key must be its own."""
        names = list(self.entries)
        own = self.entries[name][1]
        return [each for each in names[names.index(name) + 1 :] if self.entries[each][1] in {"", own}]

    # --- filters and events -----------------------------------------------------------------------

    def filter(self, event: str) -> str:
        """A filter in brackets with a blank before it, or nothing; each property once, so that it can be true."""
        properties = FILTERS.get(event)
        if properties is None or not self.dice.chance(40):
            return ""
        chosen = [self.dice.pick(properties[name]) for name in self.dice.distinct(tuple(properties), 1, 2)]
        if self.dice.chance(15):
            return f" (not ({' and '.join(chosen)}))"
        return f" ({self.dice.pick((', ', ', ', ' and ', ' or ')).join(chosen)})"

    def event(self, sends: Sequence[tuple[str, str]] = (), percent: int = 0) -> str:
        """An event with perhaps a filter; by chance a reaction to one of the messages."""
        reactions = [event for event in REACTIONS if any(event.startswith(channel) for channel, _ in sends)]
        event = self.dice.pick(reactions if reactions and self.dice.chance(percent) else EVENTS)
        return event + self.filter(event)

    def window(self) -> str:
        return self.dice.pick(WINDOWS)

    def in_last(self, percent: int = 70) -> str:
        return f" in last {self.window()}" if self.dice.chance(percent) else ""

    # --- conditions -------------------------------------------------------------------------------

    def condition(self, sends: Sequence[tuple[str, str]] = (), depth: int = 1) -> str:
        """`sends`: messages of the campaign at hand; none: outside of campaigns, where no reaction is known."""
        self.used.clear()
        return self.part(sends, depth)

    def part(self, sends: Sequence[tuple[str, str]], depth: int) -> str:
        if depth and self.dice.chance(35):
            items = [self.part(sends, depth - 1) for _ in range(2)]
            joined = self.dice.pick((" and ", " or ")).join(items)
            return f"({joined})" if depth < DEEPEST else joined
        makers = [self.of_attribute, self.of_history, self.of_state]
        if sends:
            makers.append(lambda: self.of_message(sends))
        atom = self.dice.pick(makers)()
        if atom in self.used:  # joined with its own opposite it could never hold
            atom = self.of_attribute()
        self.used.add(atom)
        return f"not ({atom})" if self.dice.chance(12) else atom

    def of_attribute(self) -> str:
        """Each attribute once in a condition, so that it can be true."""
        name = self.dice.pick([name for name in ATTRIBUTE_TESTS if name not in self.used] or ["plan"])
        self.used.add(name)
        return self.dice.pick(ATTRIBUTE_TESTS[name])

    def of_state(self) -> str:
        choices: list[Callable[[], str]] = [
            lambda: f"tagged {self.dice.pick(TAGS)}",
            lambda: f"in list {self.dice.pick(('robinson', 'staff'))}",
            lambda: f"in stage {self.stage()}",
            lambda: f"tagged {self.stage()}",
            lambda: f"consents to {self.dice.pick(tuple(TEMPLATES))}",
            lambda: f"consents to {self.dice.pick(tuple(TEMPLATES))} for {self.dice.pick(('marketing', 'service'))}",
        ]
        if self.known_segments:
            choices += [lambda: f"in segment {self.dice.pick(self.known_segments)}"] * 2
        return self.dice.pick(choices)()

    def stage(self) -> str:
        campaign = self.dice.pick(tuple(self.stages))
        return f"{campaign}.{self.dice.pick(self.stages[campaign])}"

    def of_history(self) -> str:
        choices: list[Callable[[], str]] = [
            lambda: f"has {self.event(ANY_MESSAGE, 40)}{self.in_last()}",
            lambda: f"no {self.event(ANY_MESSAGE, 40)}{self.in_last()}",
            lambda: f"has {self.event()} {self.quantity()}{self.in_last()}",
            lambda: (
                f"{self.dice.pick(('last', 'first'))} {self.event()} {self.dice.pick(('more', 'less'))}"
                f" than {self.window()} ago"
            ),
            lambda: f"{self.aggregate()}",
            lambda: (
                f"{self.dice.pick(('last', 'first'))} purchase{self.filter('purchase')}{self.dice.pick(HISTORY_TESTS)}"
            ),
        ]
        return self.dice.pick(choices)()

    def quantity(self) -> str:
        number = self.dice.number(1, 3)
        kind = self.dice.pick(("at least", "at most", "fewer than", "exactly"))
        return f"{kind} {number} time{'s' if number > 1 else ''}"

    def aggregate(self) -> str:
        what, values = self.dice.pick(AGGREGATES)
        event = what.split(" of ")[1].split(".")[0]
        window = self.in_last()
        test = self.dice.pick(("is {}", "is not {}", "< {}", "<= {}", "> {}", ">= {}", "between {} and {}"))
        return f"{what}{self.filter(event)}{window} {test.format(*values)}"

    def of_message(self, sends: Sequence[tuple[str, str]]) -> str:
        channel, template = self.dice.pick(sends)
        name = f" {template}" if self.dice.chance(40) else ""
        words = ("opened", "unopened", "clicked", "unclicked", "not sent", "delivered", "bounced")
        return f"{channel}{name} {self.dice.pick(words if channel == 'email' else ('not sent', 'delivered'))}"

    # --- declarations -----------------------------------------------------------------------------

    def segments(self) -> list[str]:
        """The first is wide, so that schedules find somebody; each may use those before it."""
        lines = [f'segment everyone "All": {self.dice.pick(WIDE)}']
        self.known_segments.append("everyone")
        for name in ("asleep", "eager", "picky")[: self.dice.number(1, 3)]:
            lines.append(f"segment {name}: {self.condition(depth=DEEPEST)}")
            self.known_segments.append(name)
        return lines

    def policy(self) -> tuple[str, tuple[str, ...]]:
        zone = self.dice.pick(
            ('time zone of customer, else "Europe/Madrid"', 'time zone of customer, else "Asia/Kathmandu"',
             'time zone "America/New_York"', "")
        )  # fmt: skip
        classes = self.dice.pick((("marketing",), ("service", "marketing"), ("marketing", "service")))
        marketing = self.dice.pick(("unless refused", "ask first"))
        lines = [zone, f"purpose marketing: {marketing}", "purpose service: unless refused"]
        flags = ("limited, counted", "limited, counted", "not limited, counted", "limited, not counted",
                 "not limited, not counted")  # fmt: skip
        lines += [f"class {name}: purpose {name}, {self.dice.pick(flags)}" for name in classes]
        lines += [self.cap() for _ in range(self.dice.number(0, 2))]
        lines += [self.suppression() for _ in range(self.dice.number(0, 2))]
        for _ in range(self.dice.pick((0, 0, 1, 1, 2))):
            channels = ", ".join(self.dice.distinct(tuple(TEMPLATES), 1, 3))
            lines.append(f"quiet hours {self.dice.pick(QUIET)} for {channels}")
        if self.dice.chance(40):
            lines.append(self.when_capped())
        if self.dice.chance(30):
            of_class = f" of customers from class {self.dice.pick(classes)}" if self.dice.chance(75) else ""
            lines.append(f"hold out {self.dice.pick(('20%', '40%', '0.5%'))}{of_class}")
        return "\n    ".join(["policy:", *filter(None, lines)]), classes

    def suppression(self) -> str:
        channels = ", ".join(self.dice.distinct(tuple(TEMPLATES), 0, 2))
        return f"suppress list {self.dice.pick(('robinson', 'staff'))}{' for ' + channels if channels else ''}"

    def when_capped(self, stages: Sequence[str] = ()) -> str:
        """`stages`: that may be gone to from anywhere without going in a circle."""
        wait = f"wait up to {self.window()}, else " if self.dice.chance(75) else ""
        ends = ["skip", "exit", 'exit "too much"', *(f"go to {stage}" for stage in stages)]
        return f"when capped {wait}{self.dice.pick(ends)}"

    def cap(self) -> str:
        number = self.dice.number(0, 2) if self.dice.chance(20) else self.dice.number(1, 2)
        channels = ", ".join(self.dice.distinct(tuple(TEMPLATES), 0, 2))
        contacts = "contact" if number == 1 else "contacts"
        per = f"calendar {self.dice.pick(('day', 'week', 'month'))}" if self.dice.chance(35) else self.window()
        return f"cap {number} {contacts} per {per}{' across ' + channels if channels else ''}"


FILTERS = {
    "form": {
        "kind": ('kind is "quote"', 'kind is not "quote"', 'kind is one of ("quote", "trial")'),
        "pages": ("pages >= 2", "pages is unknown"),
    },
    "purchase": {
        "amount": ("amount > 10 EUR", "amount <= 10.00 EUR", "amount is known"),
        "category": ('category is "shoes"', 'category is not one of ("hats", "shoes")'),
        "pieces": ("pieces between 1 and 2", "pieces is not 2"),
    },
    "booked": {
        "for_day": ("for_day >= 2026-04-01", "for_day is not 2026-03-31"),
        "urgent": ("urgent is true", "urgent is not true", "urgent is unknown"),
    },
}
ATTRIBUTE_TESTS = {
    "plan": ('plan is "pro"', 'plan is not "pro"', 'plan is one of ("free", "team")',
             'plan is not one of ("pro", "team")'),
    "score": ("score is unknown", "score >= 10", "score < 10", "score is not 10", "score between 5 and 10",
              "score is 10"),
    "balance": ("balance > 10 EUR", "balance <= 10.50 EUR", "balance is not 10 EUR"),
    "weight": ("weight is 1.5", "weight > 2"),
    "vip": ("vip is true", "vip is not true", "vip is false"),
    "city": ('city is "Rome"', "city is known", 'city is not "Rome"'),
    "interests": ('interests has any of ("golf", "chess")', 'interests has all of ("golf", "chess")',
                  'interests has none of ("golf", "tea")', "interests is known"),
    "birthday": ("birthday is today", "birthday is 2 days away", "birthday within the next 3 days",
                 "birthday < 2026-04-01"),
    "seen": ("seen > 2026-03-29 02:30", "seen is unknown"),
    "patience": ("patience >= 2 days", "patience is 36 hours"),
    "country": ('country is "ES"', "country is unknown"),
    "email": ("email is known", "email is unknown"),
    "phone": ("phone is unknown",),
    "timezone": ('timezone is "Europe/Madrid"',),
}  # fmt: skip
WIDE = ("plan is known", 'plan is not "team"', "no booked in last 1 day", 'country is not "FR"', "weight < 3")
HISTORY_TESTS = (".amount > 10 EUR", '.category is "shoes"', '.category is not "shoes"', ".pieces is unknown",
                 ".pieces between 1 and 2", ".amount is known")  # fmt: skip
AGGREGATES = (
    ("total of purchase.amount", ("10 EUR", "30.50 EUR")),
    ("total of purchase.pieces", ("2", "4")),
    ("average of purchase.amount", ("10 EUR", "12.50 EUR")),
    ("average of purchase.pieces", ("1", "2")),
    ("count of login", ("1", "2")),
    ("count of purchase", ("0", "1")),
    ("distinct of purchase.category", ("1", "2")),
    ("distinct of form.kind", ("1", "2")),
)
SETS = (
    'plan to "pro"', 'plan to "free"', "score to 10", "score to 3", "balance to 10.50 EUR", "vip to true",
    "birthday to 2026-04-02", "seen to 2026-03-29 02:30", "patience to 2 days", 'city to "Rome"', "weight to 2.25",
)  # fmt: skip
ENTRIES = ("login", "login", 'form (kind is "quote")', "form", "purchase", "purchase (amount > 10 EUR)", "booked")
DATES = ("on birthday at 09:00", "on birthday at 00:00", "2 days before birthday at 02:30",
         "1 week after birthday at 09:00",
         "1 day after birthday at 23:30", "3 days before birthday at 18:00")  # fmt: skip
CHANGES = (
    "plan changes", 'plan changes to "pro"', 'plan changes from "free"', 'plan changes from "free" to "pro"',
    "score changes", "score changes to 10", "balance changes to 10.50 EUR", "vip changes", "timezone changes",
    "weight changes from 1.5", "birthday changes", "email changes", 'city changes to "Rome"', "seen changes",
)  # fmt: skip
QUIET = ("21:00 to 09:00", "21:00 to 09:00", "00:00 to 12:00", "02:30 to 03:00", "23:30 to 02:30", "12:00 to 18:00")
SCHEDULES = ("every day at 09:00", "once now", "every day at 02:30", "every day at 00:00", "every monday at 18:00",
             "every month on day 1 at 12:00", "every month on day 31 at 09:00",
             "once at 2026-03-29 02:30", "once at 2026-10-25 02:30", "once at 2026-04-01 09:00")  # fmt: skip
MODES = (
    "",
    ", again after exit",
    ", again after exit",
    ", again after exit",
    ", again after exit",
    ", again after 2 days",
    ", again after 36 hours",
    ", every time",
)
KEYS = {
    "form": ("ref", "ref", "ref", "pages"),
    "purchase": ("ref", "ref", "amount", "pieces"),
    "booked": ("ref", "ref", "for_day", "urgent"),
}
SHARES = (("50%", "50%"), ("30%", "30%", "40%"), ("99.5%", "0.5%"), ("0%", "100%"), ("100%",))
WAITS = ("1 day", "2 days", "6 hours", "90 minutes", "36 hours", "1 week", "1 month", "3 days")
UNTIL = ("09:00", "09:00 tomorrow", "02:30", "02:30 tomorrow", "00:00", "18:00 on sunday", "02:30 on sunday",
         "2026-03-29 02:30", "2026-10-26 12:00", "2026-01-01 00:00")  # fmt: skip


@dataclass
class Writer:
    """One campaign."""

    words: Words
    name: str
    classes: tuple[str, ...]
    sends: list[tuple[str, str]] = field(default_factory=list)
    trigger: str = ""
    splits: int = 0
    bodies: list[list[str]] = field(default_factory=list)
    awaited: str = ""  # by the last `wait for`: the next is often for the same, of which it may be used up

    @property
    def dice(self) -> Dice:
        return self.words.dice

    def campaign(self) -> str:
        names = self.words.stages[self.name]
        self.trigger = self.words.entries[self.name][0]
        bodies = self.bodies = [self.stage(number) for number in range(len(names))]
        for number in range(1, len(names)):  # every stage must be reached somehow
            if not any(f"go to {names[number]}" in line for body in bodies[:number] for line in body):
                bodies[number - 1].append(self.on(bodies[number - 1], names[number]))
        # The header last: it may ask for reactions to any message of the campaign.
        lines = [f"campaign {self.name}:", *("    " + line for line in self.header())]
        for name, body in zip(names, bodies, strict=True):
            lines += ["", f"    stage {name}:", *("        " + line for line in body)]
        return "\n".join([*lines, ""])

    # --- header -----------------------------------------------------------------------------------

    def header(self) -> list[str]:
        dice, words = self.dice, self.words
        enter = self.enter()
        lines = [f"class {dice.pick(self.classes)}", *([enter] if enter else [])]
        if dice.chance(70):
            lines.append(f"priority {dice.pick((10, 50, 50, 90))}")
        if dice.chance(50):
            within = f" within {words.window()}" if dice.chance(60) else ""
            if within and self.sends and dice.chance(50):
                channel, template = dice.pick(self.sends)
                within += f" of {dice.pick(('a message', channel, f'{channel} {template}'))}"
            goal = words.event(self.sends, 20)
            lines.append(f"goal {goal}{within}{' and stay' if dice.chance(40) else ''}")
        lines += [f"exit when {self.exit_when()}" for _ in range(dice.pick((0, 0, 0, 1, 1, 2)))]
        lines += [self.exclude(enter) for _ in range(dice.pick((0, 0, 0, 1, 1, 2)))]
        if dice.chance(30):
            lines.append(words.cap())
        if dice.chance(25):
            last = words.stages[self.name][-1]
            sends_in_it = any("send" in line for line in self.bodies[-1])
            lines.append(words.when_capped([] if sends_in_it or len(self.bodies) == 1 else [last]))
        if dice.chance(25):
            lines.append(f"hold while {self.hold_while()}")
        if dice.chance(25):
            lines.append(f"hold out {dice.pick(('30%', '50%', '10%'))}")
        if dice.chance(20):
            lines.append(f"settle {dice.pick(('6 hours', '1 day', '90 minutes'))}")
        return lines

    def enter(self) -> str:
        dice, mode = self.dice, self.dice.pick(MODES)
        key = self.words.entries[self.name][1]
        if self.name in self.words.started and not key and dice.chance(40):
            return f"enter {mode.removeprefix(', ')}" if mode else ""
        return f"enter when {self.trigger}{f', keyed by {key}' if key else ''}{mode}"

    def hold_while(self) -> str:
        dice, words = self.dice, self.words
        choices: tuple[Callable[[], str], ...] = (
            words.of_history,
            lambda: f"tagged {dice.pick(TAGS)}",
            lambda: f"no {words.event()} in last {words.window()}",
            lambda: f"{dice.pick(('', 'not '))}in stage {words.stage()}",
            lambda: dice.pick(ATTRIBUTE_TESTS["birthday"]),
            lambda: dice.pick(ATTRIBUTE_TESTS["plan"]),
        )
        return dice.pick(choices)()

    def exit_when(self) -> str:
        dice, words = self.dice, self.words
        choices: tuple[Callable[[], str], ...] = (
            lambda: words.event(self.sends, 40),
            lambda: dice.pick(words.known_segments[1:]),
            lambda: words.condition(depth=0),
            lambda: f"no {words.event()} in last {words.window()}",
            lambda: f"{dice.pick(('', 'not '))}in stage {words.stage()}",
            lambda: dice.pick(ATTRIBUTE_TESTS["birthday"]),
        )
        return dice.pick(choices)()

    def exclude(self, enter: str) -> str:
        others = [name for name in self.words.stages if name != self.name]
        free = [name for name in self.words.known_segments[1:] if f"segment {name}" not in enter]
        kinds = ["list", *(["segment"] if free else []), *(["campaign"] * 2 if others else [])]
        clauses = []
        for kind in self.dice.distinct(kinds, 1, 2):
            names = {"list": ["robinson", "staff"], "segment": free, "campaign": others}
            clauses.append(f"{kind} {self.dice.pick(names[kind])}")
        return f"exclude {', '.join(clauses)}"

    # --- stages and steps -------------------------------------------------------------------------

    def stage(self, number: int) -> list[str]:
        """No endless loops: who goes back has waited, and only a stage that rests is left backwards by an `on`."""
        dice = self.dice
        stages = self.words.stages[self.name]
        body: list[str] = []
        if number == 0 and dice.chance(25):
            body.append(self.start())
        if number == 0 and dice.chance(25):
            body.append(self.effect())  # side by side with those of the campaigns that entered too
        if dice.chance(75 if number == 0 else 30):
            body.append(self.send())
        if dice.chance(75 if number == 0 else 40):  # a journey that is over at once shows little
            body += self.rest(number)
        body += self.block(number, depth=0)
        body += self.leave(number) if dice.chance(75) else []
        rests = any(line.lstrip().startswith("wait ") and "until" not in line for line in body)
        targets = stages if rests else stages[number + 1 :]
        for _ in range(dice.pick((0, 0, 1, 2)) if targets else 0):
            body.append(self.on(body, dice.pick(targets)))
        return body

    def on(self, body: list[str], stage: str) -> str:
        """Of an event of which the stage has no `on` yet: the second might never apply."""
        known = EVENTS + tuple(e for e in REACTIONS if any(e.startswith(channel) for channel, _ in self.sends))
        free = [event for event in known if not any(line.startswith(f"on {event}") for line in body)]
        event = self.dice.pick(free)
        return f"on {event}{self.words.filter(event)} {self.renews(event, body)}go to {stage}"

    def renews(self, event: str, body: list[str]) -> str:
        """Only the entering event can become the entry; and now and then one does that alone."""
        entering = self.trigger.split(" (", maxsplit=1)[0]
        if self.name in self.words.started:
            return ""
        if entering in EVENTS and self.dice.chance(20) and not any("refresh entry" in line for line in body):
            body.append(f"on {entering}{self.words.filter(entering)} refresh entry")
        return "refresh entry and " if event == entering and self.dice.chance(60) else ""

    def leave(self, number: int) -> list[str]:
        dice = self.dice
        stages = self.words.stages[self.name]
        later = stages[number + 1 :]
        if later and dice.chance(65):
            return [f"go to {dice.pick(later)}"]
        if dice.chance(60):
            return [f"wait {dice.pick(WAITS)}", f"go to {dice.pick(stages[: number + 1])}"]
        return ["exit" if dice.chance(40) else 'exit "enough of it"']

    def block(self, number: int, depth: int) -> list[str]:
        lines: list[str] = []
        for _ in range(self.dice.number(1, STEPS_MOST - depth)):
            lines += self.step(number, depth)
        return lines

    def step(self, number: int, depth: int) -> list[str]:
        dice = self.dice
        makers: list[Callable[[], list[str]]] = [
            lambda: [self.simple()],
            lambda: [self.simple()],
            lambda: [f"wait {dice.pick(WAITS)}"],
            lambda: self.wait_for(number, depth),
        ]
        if depth < DEEPEST:
            makers += [lambda: self.if_(number, depth), lambda: self.if_unopened(number, depth)]
            makers.append(lambda: self.split(number, depth))
        return dice.pick(makers)()

    def simple(self) -> str:
        dice = self.dice
        choices: tuple[Callable[[], str], ...] = (
            self.effect,
            self.effect,
            self.send,
            self.send,
            lambda: f"wait until {dice.pick(UNTIL)}",
            self.start,
        )
        return dice.pick(choices)()

    def start(self) -> str:
        """A campaign already started more often than others: then several want the same."""
        others = self.words.startable(self.name)
        if not others:
            return self.effect()
        again = [name for name in others if name in self.words.started]
        name = self.dice.pick(again if again and self.dice.chance(50) else others)
        self.words.started.add(name)
        return f"start campaign {name}{self.dice.pick(('', ', linked'))}"

    def effect(self) -> str:
        dice = self.dice
        return dice.pick((f"tag {dice.pick(TAGS)}", f"untag {dice.pick(TAGS)}", f"set {dice.pick(SETS)}"))

    def send(self) -> str:
        expires = f", expires after {self.dice.pick(WINDOWS)}" if self.dice.chance(15) else ""
        if self.dice.chance(15):
            return f"send first of: {self.message()}, {self.message()}{expires}"
        return f"send {self.message()}{expires}"

    def message(self) -> str:
        channel = self.dice.pick(("email", "email", "sms", "push"))
        template = self.dice.pick(TEMPLATES[channel])
        self.sends.append((channel, template))
        return f"{channel} {template}"

    def rest(self, number: int) -> list[str]:
        dice = self.dice
        choices: tuple[Callable[[], list[str]], ...] = (
            lambda: self.wait_for(number, 0),
            lambda: [*self.wait_for(number, 0), *self.wait_for(number, 0)],
            lambda: self.if_unopened(number, 0),
            lambda: [f"wait {dice.pick(WAITS)}"],
        )
        return dice.pick(choices)()

    def wait_for(self, number: int, depth: int) -> list[str]:
        dice = self.dice
        if not self.awaited or dice.chance(50):
            self.awaited = self.words.event(self.sends, 25)
        head = f"wait for {'a new ' if dice.chance(20) else ''}{self.awaited} up to {dice.pick(WINDOWS)}"
        kind = dice.number(0, 3)
        if kind == 0:
            return [head]
        if kind == 1:
            return [f"{head}, else {self.simple()}"]
        if kind == 2 or depth == DEEPEST:
            return [f'{head}, else exit "no answer"']
        return [f"{head}, else:", *("    " + line for line in self.arm(number, depth))]

    def arm(self, number: int, depth: int) -> list[str]:
        """A block that perhaps leaves the stage."""
        return self.block(number, depth + 1) + (self.leave(number) if self.dice.chance(15) else [])

    def if_(self, number: int, depth: int) -> list[str]:
        dice, words = self.dice, self.words
        lines = [f"if {words.condition(self.sends)}:", *("    " + line for line in self.arm(number, depth))]
        other = words.condition(self.sends)
        if dice.chance(30) and f"if {other}:" != lines[0]:
            lines += [f"else if {other}:"]
            lines += ["    " + line for line in self.block(number, depth + 1)]
        if dice.chance(50):
            lines += ["else:", *("    " + line for line in self.block(number, depth + 1))]
        elif dice.chance(20):
            lines += [f"else {self.simple()}"]
        return lines

    def split(self, number: int, depth: int) -> list[str]:
        dice = self.dice
        self.splits += 1
        lines = [f"split s{self.splits}:"]
        for name, share in zip(("one", "two", "three"), dice.pick(SHARES), strict=False):
            lines += [f"    {share} {name}:", *("        " + line for line in self.arm(number, depth))]
        return lines

    def if_unopened(self, number: int, depth: int) -> list[str]:
        dice = self.dice
        emails = [template for channel, template in self.sends if channel == "email"]
        if not emails:
            return [self.simple()]
        name = f" {dice.pick(emails)}" if dice.chance(40) else ""
        after = dice.pick(WINDOWS)
        head = f"if email{name} {dice.pick(('unopened', 'unopened', 'unclicked'))} after {after}"
        # Sometimes the question comes at the very end of its time.
        before = [f"send email {emails[-1]}", f"wait {after}"] if dice.chance(20) else []
        if dice.chance(30):
            return [*before, f"{head} {self.simple()}"]
        lines = [*before, f"{head}:", *("    " + line for line in self.arm(number, depth))]
        if dice.chance(60):
            lines += ["else:", *("    " + line for line in self.block(number, depth + 1))]
        return lines
