"""The demo counted a second time: one customer after the other, in plain Python, without a line of flowrules.

The three campaigns stand below as an author would read them aloud, taken by hand from the .flow files. What an instant
is, and in which order things happen in it, is docs/meaning.md; how the simulation assumes opens is told in `opened`.
"""

from __future__ import annotations

import csv
import hashlib
import heapq
import math
from calendar import monthrange
from collections import Counter, defaultdict
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

SHOP = ZoneInfo("America/New_York")
NOON = time(12)
DAY = timedelta(days=1)

# --- the campaigns -----------------------------------------------------------------------------------------------

Ask = tuple[str, str, str | None, int]
"""send, channel, template, 0 | unopened, channel, template, days | wait, "", None, days | months, "", None, months
| clock, "", None, hour"""
End = tuple[str, str]
"""go, stage | exit, words | completed, "" """
Steps = Generator[Ask, str, End]


def send(channel: str, template: str) -> Ask:
    return "send", channel, template, 0


def wait(days: int) -> Ask:
    return "wait", "", None, days


def clock(hour: int) -> Ask:
    return "clock", "", None, hour


def unopened(days: int, template: str | None = None) -> Ask:
    return "unopened", "email", template, days


def first_contact(journey: Journey) -> Steps:
    yield send("email", "welcome")
    if not journey.has_sent("email"):
        yield send("sms", "welcome")
        yield wait(45)
        return "exit", "not reached by email"
    if (yield unopened(2)) == "absent":
        yield clock(10)
        yield send("sms", "welcome")
        yield wait(5)
        yield send("email", "five_records")
        if (yield unopened(3)) == "absent":
            return "exit", "never opened"
    return "go", "interested"


def interested(_: Journey) -> Steps:
    yield wait(7)
    yield send("email", "staff_picks")
    if (yield unopened(3)) == "absent":
        yield clock(10)
        yield send("sms", "staff_picks")
    yield wait(30)
    return "exit", "no second purchase"


def repeat_customer(_: Journey) -> Steps:
    yield send("email", "second_purchase")
    return "completed", ""


def reminded(_: Journey) -> Steps:
    yield send("email", "we_miss_you")
    answer = yield unopened(3)
    if answer == "absent":
        yield clock(10)
        yield send("sms", "we_miss_you")
        yield wait(7)
    elif answer == "opened":
        yield wait(4)
    return "go", "offered"


def offered(_: Journey) -> Steps:
    yield send("email", "voucher")
    if (yield unopened(3)) == "absent":
        yield clock(10)
        yield send("sms", "voucher")
    yield wait(10)
    return "go", "last_call"


def last_call(_: Journey) -> Steps:
    yield send("email", "last_call")
    yield wait(14)
    return "exit", "still quiet"


def thanked(journey: Journey) -> Steps:
    yield send("email", "thank_you")
    if not journey.has_sent("email"):
        yield send("sms", "thank_you")
    if (yield unopened(3)) == "absent":
        yield clock(10)
        yield send("sms", "thank_you")
    yield wait(10)
    return "go", "invited"


def invited(journey: Journey) -> Steps:
    yield send("email", "listening_club")
    if (yield unopened(7, "listening_club")) == "absent":
        return "exit", "invitation unopened"
    if not journey.has_sent("email", "listening_club"):
        return "exit", "not invited"
    return "go", "member"


def member(_: Journey) -> Steps:
    yield "months", "", None, 6
    return "exit", "season over"


@dataclass(frozen=True)
class Campaign:
    name: str
    stages: tuple[Callable[[Journey], Steps], ...]
    goal_within: int
    goal_ends: bool
    excludes: str = ""
    again_after: int | None = None  # days; None: once
    on_purchase: tuple[str, ...] = ()  # stages that a purchase interrupts
    own_cap: tuple[int, int] | None = None  # number, days


# Highest priority first.
THANKS = Campaign("thanks", (thanked, invited, member), 90, goal_ends=False, excludes="welcome")
WELCOME = Campaign(
    "welcome",
    (first_contact, interested, repeat_customer),
    60,
    goal_ends=False,
    on_purchase=("first_contact", "interested"),
)
WIN_BACK = Campaign(
    "win_back",
    (reminded, offered, last_call),
    45,
    goal_ends=True,
    excludes="thanks",
    again_after=180,
    own_cap=(4, 30),
)
CAMPAIGNS = (THANKS, WELCOME, WIN_BACK)
POLICY_CAP = (2, 7)
HELD_OUT_PERCENT = 10

# --- what is kept --------------------------------------------------------------------------------------------------


@dataclass
class Message:
    channel: str
    template: str
    at: datetime
    opened: datetime | None


@dataclass
class Journey:
    campaign: Campaign
    number: int
    ghost: bool
    entered: datetime
    stage: str = ""
    steps: Steps | None = None
    messages: list[Message] = field(default_factory=list)
    due: datetime | None = None
    awaited: Message | None = None
    answer: str = ""  # what the resting step will be told when it goes on
    goal_at: datetime | None = None
    ended: datetime | None = None

    def last(self, channel: str, template: str | None) -> Message | None:
        fits = (m for m in reversed(self.messages) if m.channel == channel and template in (None, m.template))
        return next(fits, None)

    def has_sent(self, channel: str, template: str | None = None) -> bool:
        return self.last(channel, template) is not None


@dataclass
class Figures:
    """All counters are keyed by campaign and arm ("treated" or "control") first, but for `not_entered`."""

    entered: Counter[tuple[str, str]] = field(default_factory=Counter)
    in_journey: Counter[tuple[str, str]] = field(default_factory=Counter)
    exits: Counter[tuple[str, str, str, str]] = field(default_factory=Counter)  # reason, words
    goals: Counter[tuple[str, str]] = field(default_factory=Counter)
    goals_afterwards: Counter[tuple[str, str]] = field(default_factory=Counter)
    sent: Counter[tuple[str, str, str, str]] = field(default_factory=Counter)  # channel, template
    withheld: Counter[tuple[str, str, str]] = field(default_factory=Counter)  # reason
    reached: Counter[tuple[str, str, str]] = field(default_factory=Counter)  # stage
    now: Counter[tuple[str, str, str]] = field(default_factory=Counter)  # stage
    left: Counter[tuple[str, str, str, str]] = field(default_factory=Counter)  # stage, reason
    not_entered: Counter[tuple[str, str]] = field(default_factory=Counter)  # campaign, reason
    messages: list[tuple[str, str, int, str, str, str, datetime]] = field(default_factory=list)
    """customer, campaign, instance, channel, template, what became of it, when"""


def arm(journey: Journey) -> tuple[str, str]:
    return journey.campaign.name, "control" if journey.ghost else "treated"


@dataclass(frozen=True)
class Assumptions:
    seed: int
    salt: str
    start: datetime
    end: datetime
    open_rate: float


# --- local time ----------------------------------------------------------------------------------------------------


def instant(local: datetime, zone: ZoneInfo) -> datetime:
    """The first instant at or behind this local time: its first occurrence, or the end of the gap it fell into."""
    first = local.replace(tzinfo=zone, fold=0).astimezone(UTC)
    if first.astimezone(zone).replace(tzinfo=None) == local:
        return first
    # In a gap: it ends between what the two offsets make of the time, where the clock jumps over it.
    before, after = local.replace(tzinfo=zone, fold=1).astimezone(UTC), first
    while after - before > timedelta(microseconds=1):
        middle = before + (after - before) / 2
        if local_time(middle, zone) < local:
            before = middle
        else:
            after = middle
    return after


def local_time(at: datetime, zone: ZoneInfo) -> datetime:
    return at.astimezone(zone).replace(tzinfo=None)


def add_days(at: datetime, days: int, zone: ZoneInfo) -> datetime:
    return instant(local_time(at, zone) + days * DAY, zone)


def add_months(at: datetime, months: int, zone: ZoneInfo) -> datetime:
    local = local_time(at, zone)
    year, month = divmod(local.year * 12 + local.month - 1 + months, 12)
    day = min(local.day, monthrange(year, month + 1)[1])
    return instant(local.replace(year=year, month=month + 1, day=day), zone)


def next_clock(at: datetime, hour: int, zone: ZoneInfo) -> datetime:
    today = datetime.combine(local_time(at, zone).date(), time(hour))
    due = instant(today, zone)
    return due if due >= at else instant(today + DAY, zone)


@cache
def occurrences(zone: ZoneInfo, start: datetime, end: datetime) -> dict[datetime, set[str]]:
    """When each schedule comes round at nine o'clock in this zone."""
    found = defaultdict(set)
    day = start.date() - DAY
    while day <= end.date() + DAY:
        at = instant(datetime.combine(day, time(9)), zone)
        if start <= at <= end:
            if day.weekday() == 0:
                found[at].add("win_back")
            if day.day == 1:
                found[at].add("thanks")
        day += DAY
    return dict(found)


# --- one customer --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Customer:
    id: str
    has_phone: bool
    zone: ZoneInfo
    consents: frozenset[str]
    purchases: tuple[tuple[datetime, Decimal], ...]


class Walk:
    """One customer from the first instant to the last."""

    def __init__(self, customer: Customer, assumed: Assumptions, figures: Figures) -> None:
        self.customer = customer
        self.assumed = assumed
        self.figures = figures
        self.journeys: list[Journey] = []
        self.schedule = occurrences(customer.zone, assumed.start, assumed.end)
        self.instants = [*self.schedule, *(at for at, _ in customer.purchases)]
        heapq.heapify(self.instants)

    def run(self) -> None:
        done = None
        while self.instants and (at := heapq.heappop(self.instants)) <= self.assumed.end:
            if at != done:
                self.pass_instant(at)
                done = at
        for journey in self.live():
            self.figures.in_journey[arm(journey)] += 1
            self.figures.now[*arm(journey), journey.stage] += 1

    def live(self) -> list[Journey]:
        return [journey for journey in self.journeys if journey.ended is None]

    def wake(self, at: datetime) -> None:
        heapq.heappush(self.instants, at)

    def pass_instant(self, now: datetime) -> None:
        before = self.live()
        bought = any(at == now for at, _ in self.customer.purchases)
        self.watch(now, before)
        if bought:
            self.goals(now)
        running = [journey for journey in before if journey.ended is None and self.moves(now, journey, bought=bought)]
        running += self.entries(now, bought=bought)
        while running:
            asking = [(journey, ask) for journey in running if (ask := self.advance(now, journey))]
            self.watch(now, self.live())
            asking = [(journey, ask) for journey, ask in asking if journey.ended is None]
            for journey, ask in sorted(asking, key=lambda one: CAMPAIGNS.index(one[0].campaign)):
                self.judge(now, journey, ask)
            running = [journey for journey, _ in asking]

    def watch(self, now: datetime, journeys: list[Journey]) -> None:
        while True:
            running = {journey.campaign.name for journey in self.live()}
            ends = [one for one in journeys if one.ended is None and one.campaign.excludes in running]
            if not ends:
                return
            for journey in ends:
                self.end(now, journey, "excluded")

    def end(self, now: datetime, journey: Journey, reason: str, words: str = "") -> None:
        journey.ended = now
        journey.due = journey.awaited = None
        self.figures.exits[*arm(journey), reason, words] += 1
        self.figures.left[*arm(journey), journey.stage, reason] += 1

    def goals(self, now: datetime) -> None:
        for journey in self.journeys:
            if journey.goal_at or now >= journey.entered + journey.campaign.goal_within * DAY:
                continue
            journey.goal_at = now
            self.figures.goals[arm(journey)] += 1
            if journey.ended is not None:
                self.figures.goals_afterwards[arm(journey)] += 1
            elif journey.campaign.goal_ends:
                self.end(now, journey, "goal")

    def moves(self, now: datetime, journey: Journey, *, bought: bool) -> bool:
        """A purchase, an open or the clock moves it on from where it rests."""
        if bought and journey.stage in journey.campaign.on_purchase:
            self.reach(journey, "repeat_customer")
        elif journey.awaited and journey.due and journey.awaited.opened == now < journey.due:
            journey.answer = "opened"
        elif not (journey.due and journey.due <= now):
            return False
        journey.due = journey.awaited = None
        return True

    def entries(self, now: datetime, *, bought: bool) -> Iterator[Journey]:
        asked = set(self.schedule.get(now, ()))
        for campaign in CAMPAIGNS:
            if campaign is WELCOME:
                wanted = bought
            elif campaign is THANKS:
                wanted = "thanks" in asked and self.spent(now, 365) > 200
            else:
                wanted = "win_back" in asked and self.bought_within(now, 180) and not self.bought_within(now, 120)
            if wanted:
                if refusal := self.refusal(now, campaign):
                    self.figures.not_entered[campaign.name, refusal] += 1
                else:
                    yield self.enter(now, campaign)

    def refusal(self, now: datetime, campaign: Campaign) -> str:
        own = [journey for journey in self.journeys if journey.campaign is campaign]
        if any(journey.ended is None for journey in own):
            return "already_inside"
        if own and campaign.again_after is None:
            return "entered_before"
        if own and campaign.again_after and now - own[-1].entered < campaign.again_after * DAY:
            return "too_soon"
        if any(journey.campaign.name == campaign.excludes for journey in self.live()):
            return "excluded"
        return ""

    def enter(self, now: datetime, campaign: Campaign) -> Journey:
        number = sum(journey.campaign is campaign for journey in self.journeys) + 1
        journey = Journey(campaign, number, self.held_out(campaign), now)
        self.journeys.append(journey)
        self.figures.entered[arm(journey)] += 1
        self.reach(journey, campaign.stages[0].__name__)
        return journey

    def held_out(self, campaign: Campaign) -> bool:
        name = f"{self.assumed.salt}/holdout/{campaign.name}/{self.customer.id}"
        bucket = int.from_bytes(hashlib.sha256(name.encode()).digest()[:7], "big")
        return bucket * 100 < HELD_OUT_PERCENT * 2**56

    def spent(self, now: datetime, days: int) -> Decimal:
        return sum((usd for at, usd in self.customer.purchases if now - days * DAY < at <= now), Decimal(0))

    def bought_within(self, now: datetime, days: int) -> bool:
        return any(now - days * DAY < at <= now for at, _ in self.customer.purchases)

    def reach(self, journey: Journey, stage: str) -> None:
        if journey.stage:
            self.figures.left[*arm(journey), journey.stage, "moved"] += 1
        journey.stage = stage
        journey.answer = ""
        journey.steps = next(steps for steps in journey.campaign.stages if steps.__name__ == stage)(journey)
        self.figures.reached[*arm(journey), stage] += 1

    # --- steps -----------------------------------------------------------------------------------------------------

    def advance(self, now: datetime, journey: Journey) -> Ask | None:
        """Go on until a message is asked for (which is given back), or a rest, or the end."""
        while True:
            assert journey.steps is not None
            try:
                # A generator that has not begun takes nothing.
                ask = journey.steps.send(journey.answer) if journey.answer else next(journey.steps)
            except StopIteration as stop:
                how, words = stop.value
                if how == "go":
                    self.reach(journey, words)
                    continue
                self.end(now, journey, how, words)
                return None
            kind, channel, template, number = ask
            journey.answer = "done"
            if kind == "send":
                return ask
            if kind == "unopened":
                journey.answer = self.reaction(now, journey, channel, template, number)
            elif kind == "wait":
                journey.due = add_days(now, number, self.customer.zone)
            elif kind == "months":
                journey.due = add_months(now, number, self.customer.zone)
            elif (due := next_clock(now, number, self.customer.zone)) > now:
                journey.due = due
            if journey.due:
                self.wake(journey.due)
                return None

    def reaction(self, now: datetime, journey: Journey, channel: str, template: str | None, days: int) -> str:
        message = journey.last(channel, template)
        if message is None:
            return "no message"
        deadline = add_days(message.at, days, self.customer.zone)
        if message.opened and message.opened <= now and message.opened < deadline:
            return "opened"
        if deadline > now:
            journey.awaited, journey.due = message, deadline
        return "absent"

    # --- messages --------------------------------------------------------------------------------------------------

    def judge(self, now: datetime, journey: Journey, ask: Ask) -> None:
        _, channel, template, _ = ask
        assert template is not None
        refusal = self.withheld(now, journey, channel)
        if refusal:
            self.figures.withheld[*arm(journey), refusal] += 1
        else:
            opened = None if journey.ghost else self.opened(now, journey, channel, template)
            if opened:
                self.wake(opened)
            journey.messages.append(Message(channel, template, now, opened))
            self.figures.sent[*arm(journey), channel, template] += 1
        fate = refusal or ("held_out" if journey.ghost else "sent")
        place = (self.customer.id, journey.campaign.name, journey.number)
        self.figures.messages.append((*place, channel, template, fate, now))

    def withheld(self, now: datetime, journey: Journey, channel: str) -> str:
        if channel == "sms" and not self.customer.has_phone:
            return "no_address"
        if channel not in self.customer.consents:
            return "no_consent"
        # The treated count against what really reached them, a control also against its own campaign's ghosts.
        counted = [
            one for one in self.journeys if not one.ghost or (journey.ghost and one.campaign is journey.campaign)
        ]
        number, days = POLICY_CAP
        if self.contacts(now, counted, days) >= number:
            return "capped"
        if journey.campaign.own_cap:
            number, days = journey.campaign.own_cap
            if self.contacts(now, [one for one in counted if one.campaign is journey.campaign], days) >= number:
                return "capped"
        return ""

    @staticmethod
    def contacts(now: datetime, journeys: list[Journey], days: int) -> int:
        return sum(now - days * DAY < message.at <= now for one in journeys for message in one.messages)

    def opened(self, now: datetime, journey: Journey, channel: str, template: str) -> datetime | None:
        """When the simulation assumes that this message is opened (src/flowrules/runtime/assume.py, its first lines).

        One draw a message decides whether, another how late: exponential, half of them within six hours.
        """
        if channel != "email":
            return None
        step = f"{journey.stage}/send+email+{template}"
        name = f"{self.assumed.seed}/{journey.campaign.name}.{self.customer.id}.{journey.number}.{step}.1"
        if draw(f"{name}/engaged") >= self.assumed.open_rate:
            return None
        delay = round(-math.log2(1 - draw(f"{name}/delay of opened")) * 6 * 3600)
        return now + timedelta(seconds=min(max(delay, 1), 14 * 86400))


def draw(name: str) -> float:
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:6], "big") / 2**48


# --- all of them ---------------------------------------------------------------------------------------------------


def read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def customers(purchases: Path, people: Path) -> Iterator[Customer]:
    bought: dict[str, list[tuple[datetime, Decimal]]] = defaultdict(list)
    for row in read(purchases):
        noon = datetime.combine(datetime.strptime(row["date"], "%Y-%m-%d").date(), NOON)  # noqa: DTZ007 -- a date
        bought[row["customer_id"]].append((instant(noon, SHOP), Decimal(row["usd"])))
    agreed = defaultdict(set)
    for row in read(people / "consents.csv"):
        agreed[row["customer"]].add(row["channel"])
    for row in read(people / "customers.csv"):
        who = row["id"]
        yield Customer(
            who, bool(row["phone"]), ZoneInfo(row["timezone"]), frozenset(agreed[who]), tuple(sorted(bought[who]))
        )


def recount(purchases: Path, people: Path, assumed: Assumptions) -> Figures:
    figures = Figures()
    for customer in customers(purchases, people):
        Walk(customer, assumed, figures).run()
    return figures
