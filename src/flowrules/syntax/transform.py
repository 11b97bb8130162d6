"""Productions to tree classes.

Takes the children of each production as the grammar lists them (keywords kept, absent optional ones None) and
gives the frozen classes of tree.py with exact spans. A value that can not be (25:00, 0 days) is a diagnostic in
`problems` and a stand-in value in the tree. Resolves no name.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Literal, cast

from lark.lexer import Token

from flowrules.source import Span
from flowrules.syntax import tree
from flowrules.syntax.transform_tests import TestReader
from flowrules.syntax.values import Children

if TYPE_CHECKING:
    pass


REACTION_WORDS = frozenset(
    {
        "opened",
        "unopened",
        "clicked",
        "unclicked",
        "delivered",
        "bounced",
        "replied",
        "sent",
        "answered",
        "unanswered",
        "refused",
    }
)
_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


class ToTree(TestReader):
    """One method per production; Lark calls it while it parses, so no intermediate tree is built."""

    # --- words -------------------------------------------------------------------------------------

    def names(self, c: Children) -> tuple[tree.Name, ...]:
        return tuple(map(self._name, c[::2]))

    def word(self, c: Children) -> Token:
        return cast("Token", c[0])

    def reference(self, c: Children) -> tree.Name:
        return self._name(c[0])

    def reference_part(self, c: Children) -> tree.Name:
        return tree.Name((str(c[0]), str(c[2])), self._span(c))

    def dotted(self, c: Children) -> tree.Name:
        return self._name(c[0]) if c[2] is None else self.reference_part(c)

    def weekday(self, c: Children) -> Token:
        return cast("Token", c[0])

    # --- declarations -------------------------------------------------------------------------

    def attribute_decl(self, c: Children) -> tree.AttributeDecl:
        default = None if c[5] is None else self._value(c[5])
        return tree.AttributeDecl(self._name(c[1]), c[3], default, self._span(c[:-1]))

    def event_decl(self, c: Children) -> tree.EventDecl:
        properties = tuple(c[5:-1])
        return tree.EventDecl(self._name(c[1]), properties, self._between(c[0], properties[-1] if properties else c[1]))

    def property_decl(self, c: Children) -> tree.PropertyDecl:
        return tree.PropertyDecl(self._name(c[0]), c[2], self._span(c[:-1]))

    def type_name(self, c: Children) -> tree.TypeName:
        return tree.TypeName(str(c[0]), (), self._span(c))

    def one_of_type(self, c: Children) -> tree.TypeName:
        return tree.TypeName("one of", tuple(map(self._text, c[2::2])), self._span(c))

    def list_type(self, c: Children) -> tree.TypeName:
        return tree.TypeName("list of text", (), self._span(c))

    def list_decl(self, c: Children) -> tree.ListDecl:
        return tree.ListDecl(self._name(c[1]), self._text(c[3]), c[5], self._span(c[:-1]))

    def segment_decl(self, c: Children) -> tree.SegmentDecl:
        return tree.SegmentDecl(self._name(c[1]), self._title(c[2]), c[4], self._between(c[0], c[4]))

    def segment_block(self, c: Children) -> tree.SegmentDecl:
        return tree.SegmentDecl(self._name(c[1]), self._title(c[2]), c[6], self._between(c[0], c[6]))

    def campaign_decl(self, c: Children) -> tree.CampaignDecl:
        header: list[tree.HeaderClause] = []
        stages: list[tree.Stage] = []
        for item in c[6:-1]:
            if type(item) is tree.Stage:
                stages.append(item)
            elif type(item) is Token:
                continue
            else:
                clauses = item if type(item) is tuple else (item,)
                if stages:
                    self._problem(
                        "FR014",
                        f"this belongs above the first stage of `{c[1]}`",
                        self._between(clauses[0], clauses[-1]),
                        "what holds for the whole campaign stands at its top, before `stage`",
                    )
                header.extend(clauses)
        return tree.CampaignDecl(self._name(c[1]), self._title(c[2]), tuple(header), tuple(stages), self._span(c[:3]))

    def policy_decl(self, c: Children) -> tree.PolicyDecl:
        clauses = c[4:-1:2]
        return tree.PolicyDecl(tuple(clauses), self._between(c[0], clauses[-1]))

    # --- campaign header ----------------------------------------------------------------------

    def owner(self, c: Children) -> tree.Owner:
        return tree.Owner(self._text(c[1]), self._span(c))

    def class_of(self, c: Children) -> tree.ClassOf:
        return tree.ClassOf(self._name(c[1]), self._span(c))

    def priority(self, c: Children) -> tree.Priority:
        return tree.Priority(self._integer(c[1], 0, "a priority"), self._span(c))

    def enter(self, c: Children) -> tree.Enter:
        return tree.Enter(c[2], c[4], c[6], self._span(c))

    def enter_started(self, c: Children) -> tree.Enter:
        return tree.Enter(None, None, c[1], self._span(c))

    def keyed(self, c: Children) -> tree.Name:
        return self._name(c[2])

    def goal(self, c: Children) -> tree.Goal:
        within = self._optional_duration(c[4])
        of = c[5] if type(c[5]) is tree.OfMessage else None
        return tree.Goal(self._name(c[1]), c[2], within, of, c[7] is not None, self._span(c))

    def of_entry(self, c: Children) -> Token:
        return cast("Token", c[1])

    def of_any_message(self, c: Children) -> tree.OfMessage:
        return tree.OfMessage(None, None, self._span(c))

    def of_message(self, c: Children) -> tree.OfMessage:
        return tree.OfMessage(self._name(c[1]), None if c[2] is None else self._name(c[2]), self._span(c))

    def exit_when_name(self, c: Children) -> tree.ExitWhen:
        return tree.ExitWhen(self._name(c[2]), None, None, self._span(c))

    def exit_when_event(self, c: Children) -> tree.ExitWhen:
        return tree.ExitWhen(self._name(c[2]), c[3], None, self._span(c))

    def exit_when_condition(self, c: Children) -> tree.ExitWhen:
        return tree.ExitWhen(None, None, c[2], self._span(c))

    def exclude(self, c: Children) -> tuple[tree.Exclude, ...]:
        return tuple(c[1::2])

    def exclusion(self, c: Children) -> tree.Exclude:
        kind = cast("Literal['list', 'segment', 'campaign']", str(c[0]))
        return tree.Exclude(kind, self._name(c[1]), self._span(c))

    def cap(self, c: Children) -> tree.Cap:
        number = self._integer(c[1], 0, "a number of contacts")
        return tree.Cap(number, self._duration(c[4]), c[6] or (), self._span(c))

    def calendar_cap(self, c: Children) -> tree.Cap:
        number = self._integer(c[1], 0, "a number of contacts")
        period = cast("Literal['day', 'week', 'month']", str(c[5]))
        return tree.Cap(number, period, c[7] or (), self._span(c))

    def when_capped(self, c: Children) -> tree.WhenCapped:
        otherwise = None if type(c[8]) is Token else c[8]
        return tree.WhenCapped(self._optional_duration(c[5]), otherwise, self._span(c))

    def skip_capped(self, c: Children) -> Token:
        return cast("Token", c[0])

    def hold_while(self, c: Children) -> tree.HoldWhile:
        return tree.HoldWhile(c[2], self._span(c))

    def hold_out(self, c: Children) -> tree.HoldOut:
        return tree.HoldOut(self._percent(c[2]), None, self._span(c))

    def settle(self, c: Children) -> tree.Settle:
        return tree.Settle(self._duration(c[1]), self._span(c))

    def migrate(self, c: Children) -> tuple[tree.Migration, ...]:
        return tuple(item for item in c if type(item) is tree.Migration)

    def migrate_keep(self, c: Children) -> tree.Migration:
        return tree.Migration(c[1], "keep", None, None, None, self._span(c))

    def migrate_follow(self, c: Children) -> tree.Migration:
        return tree.Migration(c[1], "follow", None, _timers(c[4]), None, self._span(c))

    def migrate_move(self, c: Children) -> tree.Migration:
        return tree.Migration(c[1], "move", c[4], _timers(c[6]), None, self._span(c))

    def migrate_exit(self, c: Children) -> tree.Migration:
        return tree.Migration(c[1], "exit", None, None, self._title(c[3]), self._span(c))

    def every_stage(self, c: Children) -> tree.Place:
        return tree.Place("stage", None, self._span(c))

    def stage_place(self, c: Children) -> tree.Place:
        return tree.Place("stage", str(c[1]), self._span(c))

    def step_place(self, c: Children) -> tree.Place:
        return tree.Place("step", self._text(c[0]), self._span(c))

    def timers(self, c: Children) -> tuple[Token, ...]:
        return tuple(c)

    def event_trigger(self, c: Children) -> tree.EventTrigger:
        return tree.EventTrigger(self._name(c[0]), c[1], self._span(c))

    def daily(self, c: Children) -> tree.Schedule:
        return tree.Schedule("day", None, None, self._clock(c[3]), None, self._name(c[6]), self._span(c))

    def weekly(self, c: Children) -> tree.Schedule:
        weekday = _WEEKDAYS.index(c[1])
        return tree.Schedule("week", weekday, None, self._clock(c[3]), None, self._name(c[6]), self._span(c))

    def monthly(self, c: Children) -> tree.Schedule:
        day = self._integer(c[4], 1, "a day of the month")
        if day > 31:  # noqa: PLR2004  # the longest month
            self._problem("FR011", f"no month has a day {day}", self._span([c[4]]), "from `1` to `31`")
        return tree.Schedule("month", None, day, self._clock(c[6]), None, self._name(c[9]), self._span(c))

    def once_at(self, c: Children) -> tree.Schedule:
        return tree.Schedule(None, None, None, None, self._moment(c[2]), self._name(c[5]), self._span(c))

    def once_now(self, c: Children) -> tree.Schedule:
        return tree.Schedule(None, None, None, None, None, self._name(c[4]), self._span(c))

    def stage_trigger(self, c: Children) -> tree.StageTrigger:
        return tree.StageTrigger(self.reference_part(c[2:]), self._span(c))

    def tag_trigger(self, c: Children) -> tree.TagTrigger:
        return tree.TagTrigger(self._name(c[2]), self._span(c))

    def segment_trigger(self, c: Children) -> tree.SegmentTrigger:
        return tree.SegmentTrigger(c[0] == "joins", self._name(c[2]), self._span(c))

    def change_trigger(self, c: Children) -> tree.ChangeTrigger:
        before, after = (None if c[at] is None else self._value(c[at]) for at in (3, 5))
        return tree.ChangeTrigger(self._name(c[0]), before, after, self._span(c))

    def date_trigger(self, c: Children) -> tree.DateTrigger:
        days = self._days(c[0]) * (-1 if c[1] == "before" else 1)
        return tree.DateTrigger(self._name(c[2]), days, self._clock(c[4]), self._span(c))

    def yearly_trigger(self, c: Children) -> tree.DateTrigger:
        return tree.DateTrigger(self._name(c[1]), None, self._clock(c[3]), self._span(c))

    def again_never(self, c: Children) -> tree.Again:
        return tree.Again(False, None, False, self._span(c))

    def again_after_exit(self, c: Children) -> tree.Again:
        return tree.Again(True, None, False, self._span(c))

    def again_after_gap(self, c: Children) -> tree.Again:
        return tree.Again(False, self._duration(c[2]), False, self._span(c))

    def again_every_time(self, c: Children) -> tree.Again:
        return tree.Again(False, None, True, self._span(c))

    # --- policy -------------------------------------------------------------------------------

    def zone_of_customer(self, c: Children) -> tree.Zone:
        return tree.Zone(True, self._text(c[6]), self._span(c))

    def zone(self, c: Children) -> tree.Zone:
        return tree.Zone(False, self._text(c[2]), self._span(c))

    def ask_first(self, c: Children) -> tree.Purpose:
        return tree.Purpose(self._name(c[1]), "ask first", self._span(c))

    def unless_refused(self, c: Children) -> tree.Purpose:
        return tree.Purpose(self._name(c[1]), "unless refused", self._span(c))

    def message_class(self, c: Children) -> tree.MessageClass:
        return tree.MessageClass(self._name(c[1]), self._name(c[4]), c[6] is None, c[9] is None, self._span(c))

    def quiet_hours(self, c: Children) -> tree.QuietHours:
        return tree.QuietHours(self._clock(c[2]), self._clock(c[4]), c[6], self._span(c))

    def suppress(self, c: Children) -> tree.Suppress:
        return tree.Suppress(self._name(c[2]), c[4] or (), self._span(c))

    def universal_hold_out(self, c: Children) -> tree.HoldOut:
        of_class = None if c[7] is None else self._name(c[7])
        return tree.HoldOut(self._percent(c[2]), of_class, self._span(c))

    # --- stages and steps ---------------------------------------------------------------------

    def stage(self, c: Children) -> tree.Stage:
        lines = [item for item in c[8:-1] if type(item) is not Token]
        formerly = None if c[4] is None else self._name(c[4])
        steps = tuple(item for item in lines if type(item) is not tree.On)
        reactions = tuple(item for item in lines if type(item) is tree.On)
        return tree.Stage(self._name(c[1]), self._title(c[2]), steps, reactions, formerly, self._span(c[:5]))

    def on(self, c: Children) -> tree.On:
        return tree.On(self._name(c[1]), c[2], False, self._name(c[5]), self._span(c))

    def on_refresh(self, c: Children) -> tree.On:
        stage = None if c[8] is None else self._name(c[8])
        return tree.On(self._name(c[1]), c[2], True, stage, self._span(c))

    def line(self, c: Children) -> tree.Step:
        return cast("tree.Step", c[0])

    def single(self, c: Children) -> tuple[tree.Step, ...]:
        return (c[0],)

    def indented(self, c: Children) -> tuple[tree.Step, ...]:
        return cast("tuple[tree.Step, ...]", c[1])

    def block(self, c: Children) -> tuple[tree.Step, ...]:
        return tuple(c[2:-1])

    def wait_for(self, c: Children) -> tree.WaitFor:
        new = c[2] is not None
        return tree.WaitFor(self._name(c[4]), c[5], new, self._duration(c[8]), None, self._span(c))

    def wait_else(self, c: Children) -> tree.WaitFor:
        wait: tree.WaitFor = c[0]
        return replace(wait, otherwise=(c[3],), span=self._span(c))

    def wait_block(self, c: Children) -> tree.WaitFor:
        wait: tree.WaitFor = c[0]
        return replace(wait, otherwise=c[4], span=self._between(c[0], c[4]))

    def if_(self, c: Children) -> tree.If:
        branches = [tree.Branch(c[1], c[4], self._between(c[0], c[1]))]
        otherwise = None
        for item in c[5:]:
            if type(item) is tree.Branch:
                branches.append(item)
            elif item is not None:
                otherwise = item
        last = otherwise or branches[-1].steps
        head = self._span(c[:4])
        span = Span(self.source, head.start, self._end(last))
        return tree.If(tuple(branches), otherwise, self._optional_duration(c[3]), span, head)

    def split(self, c: Children) -> tree.Split:
        arms = tuple(c[5:-1])
        return tree.Split(self._name(c[1]), arms, self._between(c[0], arms[-1]), self._span(c[:2]))

    def arm(self, c: Children) -> tree.Arm:
        return tree.Arm(self._percent(c[0]), self._name(c[1]), c[3], self._between(c[0], c[3]))

    def else_if(self, c: Children) -> tree.Branch:
        return tree.Branch(c[2], c[3], self._between(c[0], c[2]))

    def else_(self, c: Children) -> tuple[tree.Step, ...]:
        return cast("tuple[tree.Step, ...]", c[1])

    def send(self, c: Children) -> tree.Send:
        return replace(cast("tree.Send", c[1]), expires=self._optional_duration(c[2]), span=self._span(c))

    def send_first(self, c: Children) -> tree.SendFirst:
        expires = self._optional_duration(c[-1])
        messages = tuple(replace(item, expires=expires) for item in c[4:-1:2])
        return tree.SendFirst(messages, self._span(c))

    def message(self, c: Children) -> tree.Send:
        if c[1] in REACTION_WORDS:
            self._problem(
                "FR010",
                f"`{c[1]}` is a word of the language and can not name a message",
                self._span([c[1]]),
                f"rename the template, for instance `{c[1]}_message`",
            )
        arguments = () if c[2] is None else tuple(c[2][1::2])
        return tree.Send(self._name(c[0]), self._name(c[1]), arguments, None, self._span(c))

    def expiry(self, c: Children) -> Token:
        return cast("Token", c[3])

    def arguments(self, c: Children) -> Children:
        return c

    def argument(self, c: Children) -> tree.Argument:
        value = self._value(c[1]) if type(c[1]) is Token else c[1]
        return tree.Argument(str(c[0]), value, self._span(c))

    def wait(self, c: Children) -> tree.Wait:
        return tree.Wait(self._duration(c[1]), self._span(c))

    def wait_clock(self, c: Children) -> tree.WaitUntil:
        return tree.WaitUntil(self._clock(c[2]), c[3] is not None, None, None, self._span(c))

    def wait_weekday(self, c: Children) -> tree.WaitUntil:
        return tree.WaitUntil(self._clock(c[2]), False, _WEEKDAYS.index(c[4]), None, self._span(c))

    def wait_moment(self, c: Children) -> tree.WaitUntil:
        return tree.WaitUntil(None, False, None, self._moment(c[2]), self._span(c))

    def tag(self, c: Children) -> tree.Tag:
        return tree.Tag(self._name(c[1]), self._span(c))

    def untag(self, c: Children) -> tree.Untag:
        return tree.Untag(self._name(c[1]), self._span(c))

    def set_to(self, c: Children) -> tree.Set:
        return tree.Set(self._name(c[1]), self._value(c[3]), self._span(c))

    def go_to(self, c: Children) -> tree.GoTo:
        return tree.GoTo(self._name(c[2]), self._span(c))

    def exit_(self, c: Children) -> tree.Exit:
        return tree.Exit(self._title(c[1]), self._span(c))

    def start_campaign(self, c: Children) -> tree.Start:
        return tree.Start(self._name(c[2]), c[4] is not None, self._span(c))

    # --- conditions ---------------------------------------------------------------------------

    def condition(self, c: Children) -> tree.Or:
        return tree.Or(tuple(c[::2]), self._span(c))

    def conjunction(self, c: Children) -> tree.And:
        return tree.And(tuple(c[::2]), self._span(c))

    def negated(self, c: Children) -> tree.Not:
        return tree.Not(c[1], self._span(c))

    def group(self, c: Children) -> tree.Condition:
        inner: tree.Condition = c[1]
        return replace(inner, span=self._span(c))

    def _compare(self, c: Children, op: tree.Comparison, *values: Token) -> tree.Compare:
        return tree.Compare(c[0], op, tuple(map(self._value, values)), self._span(c))

    def is_value(self, c: Children) -> tree.Compare:
        return self._compare(c, "is", c[2])

    def is_not_value(self, c: Children) -> tree.Compare:
        return self._compare(c, "is not", c[3])

    def is_one_of(self, c: Children) -> tree.Compare:
        return self._compare(c, "one of", *c[4][1::2])

    def is_not_one_of(self, c: Children) -> tree.Compare:
        return self._compare(c, "not one of", *c[5][1::2])

    def ordered(self, c: Children) -> tree.Compare:
        return self._compare(c, c[1].value, c[2])

    def between(self, c: Children) -> tree.Compare:
        return self._compare(c, "between", c[2], c[4])

    def is_known(self, c: Children) -> tree.Compare:
        return self._compare(c, "known")

    def is_unknown(self, c: Children) -> tree.Compare:
        return self._compare(c, "unknown")

    def has_of(self, c: Children) -> tree.Compare:
        return self._compare(c, cast("tree.Comparison", f"has {c[2]} of"), *c[4][1::2])

    def options(self, c: Children) -> Children:
        return c

    def _date_is(self, c: Children, kind: Literal["today", "away", "next"], days: Token | None) -> tree.DateIs:
        attribute = c[0]
        span = self._span(c)
        if type(attribute) is not tree.Name:
            self._problem("FR001", "only an attribute is compared with the calendar", attribute.span)
            attribute = tree.Name(("id",), span)
        return tree.DateIs(attribute, kind, 0 if days is None else self._days(days), span)

    def is_today(self, c: Children) -> tree.DateIs:
        return self._date_is(c, "today", None)

    def is_away(self, c: Children) -> tree.DateIs:
        return self._date_is(c, "away", c[2])

    def within_next(self, c: Children) -> tree.DateIs:
        return self._date_is(c, "next", c[4])

    def in_segment(self, c: Children) -> tree.InSegment:
        return tree.InSegment(self._name(c[2]), self._span(c))

    def in_list(self, c: Children) -> tree.InList:
        return tree.InList(self._name(c[2]), self._span(c))

    def in_stage(self, c: Children) -> tree.InStage:
        return tree.InStage(c[2], self._span(c))

    def tagged(self, c: Children) -> tree.Tagged:
        return tree.Tagged(c[1], self._span(c))

    def consents_to(self, c: Children) -> tree.ConsentsTo:
        purpose = None if c[4] is None else self._name(c[4])
        return tree.ConsentsTo(self._name(c[2]), purpose, self._span(c))

    def has_event(self, c: Children) -> tree.HasEvent:
        return tree.HasEvent(self._name(c[1]), c[2], c[3], self._within(c[4]), False, self._span(c))

    def no_event(self, c: Children) -> tree.HasEvent:
        return tree.HasEvent(self._name(c[1]), c[2], None, self._within(c[3]), True, self._span(c))

    def quantity(self, c: Children) -> tree.Quantity:
        kind = cast("Literal['at least', 'at most', 'fewer than', 'exactly']", " ".join(c[:-2]))
        return tree.Quantity(kind, self._integer(c[-2], 0, "a number of times"), self._span(c))

    def in_last(self, c: Children) -> Children:
        return c

    def _within(self, in_last: Children | None) -> tree.Duration | None:
        return None if in_last is None else self._duration(in_last[2])

    def event_ago(self, c: Children) -> tree.EventAgo:
        return tree.EventAgo(
            c[0].value, self._name(c[1]), c[2], c[3].type == "MORE", self._duration(c[5]), self._span(c)
        )

    def reaction_to(self, c: Children) -> tree.Reaction:
        message = None if c[1] is None else self._name(c[1])
        word = cast("tree.ReactionWord", " ".join(c[2]))
        return tree.Reaction(self._name(c[0]), message, word, self._span(c))

    def reaction(self, c: Children) -> Children:
        return c

    def filter_(self, c: Children) -> tree.Filter:
        return tree.Filter(tuple(c[1::2]), self._span(c))

    def aggregate(self, c: Children) -> tree.Aggregate:
        return tree.Aggregate(c[0].value, self._name(c[2]), str(c[4]), c[5], self._within(c[6]), self._span(c))

    def count_of(self, c: Children) -> tree.Aggregate:
        return tree.Aggregate("count", self._name(c[2]), None, c[3], self._within(c[4]), self._span(c))

    def event_property(self, c: Children) -> tree.EventProperty:
        return tree.EventProperty(c[0].value, self._name(c[1]), c[2], str(c[4]), self._span(c))


def _timers(c: tuple[Token, ...] | None) -> Literal["keep", "recompute", "restart"] | None:
    return None if c is None else cast("Literal['keep', 'recompute', 'restart']", str(c[0]))
