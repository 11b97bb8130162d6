"""What authors are known to write instead: constructs that are not available yet, and other languages' spellings.

Takes one line and the place in it that did not parse; gives what stands there, or None. Knows no grammar.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

_D = r"\d+ +[a-z]+"
_LONGEST = 2000  # of a line that is searched; none is read by people beyond that
_MASK = re.compile(r'"(?:[^"\\\r\n]|\\.)*+"?|#.*')


@dataclass(frozen=True, slots=True)
class Future:
    """`what` completes "not available yet: ..."."""

    pattern: re.Pattern[str]
    what: str
    hint: str | None


@dataclass(frozen=True, slots=True)
class Spelling:
    """`instead` replaces it, where one thing can; `needs` is a terminal that must be possible in that place."""

    pattern: re.Pattern[str]
    message: str
    hint: str
    instead: str | None
    needs: str


@dataclass(frozen=True, slots=True)
class Phrase:
    """Several words that mean something, said otherwise; of a group `part` only that is shown and replaced.

    `hint` may show what replaces it as `{}`. `instead` as `re.Match.expand` takes it, or made from the match; None
    where no one thing does. `needs` as of a spelling, or None.
    """

    pattern: re.Pattern[str]
    message: str
    hint: str
    instead: str | Callable[[re.Match[str]], str] | None
    needs: str | None


def _future(pattern: str, what: str, hint: str | None = None) -> Future:
    return Future(re.compile(pattern), what, hint)


def _spelling(pattern: str, needs: str, message: str, hint: str, instead: str | None = None) -> Spelling:
    return Spelling(re.compile(pattern), message, hint, instead, needs)


def _phrase(
    pattern: str,
    message: str,
    hint: str,
    instead: str | Callable[[re.Match[str]], str] | None = None,
    needs: str | None = None,
) -> Phrase:
    return Phrase(re.compile(pattern), message, hint, instead, needs)


# A pattern is looked for in the whole line, texts in quotes and comments blanked; it counts where it covers the place
# that did not parse; of a group `part` only that. The first that counts wins.
FUTURES = (
    # blocks
    _future(r"^(?:offer|coupons?|score|incentive|webhook)\b(?: +\w+)?", "this kind of block"),
    # who enters, and how often
    _future(r"\bif +missed\b.*", "catching up on missed occurrences"),
    _future(
        r"\bwhile +in +segment\b(?: +\w+)?",
        "entering while in a segment",
        "write `enter when every day at 09:00 for segment NAME, again after 30 days`",
    ),
    _future(
        r"(?<=when )no +\w+(?: *\(.*\))? +for\b[^,]*",
        "entering after an absence",
        "write `every day at 09:00 for segment NAME` with a segment of `no EVENT in last 30 days`",
    ),
    _future(r"\bincluding +current\b", "entering after an absence"),
    _future(
        r"\breached +stage\b(?: +[\w.]+)?",
        "whether a stage was ever reached",
        "`in stage CAMPAIGN.STAGE` says who is in it now",
    ),
    _future(r"\b(?:opens|clicks|refuses) +\w+(?: +\w+)?", "entering on a reaction to a message"),
    _future(
        r"\b\w+ +(?:falls|rises)\b[^,]*",
        "entering when a value falls or rises",
        "write `enter when ATTRIBUTE changes`, or an event that tells of it",
    ),
    _future(
        r"\bentry +no +longer +holds\b",
        "leaving when the entry no longer holds",
        "write the opposite condition, such as `exit when not in segment NAME`",
    ),
    # messages and steps
    _future(r"\bwebhook\b.*", "calling another system"),
    _future(r"\bas +\w+", "keys of steps"),
    _future(
        r"^(?! *stage\b).*?(?P<part>\bformerly\b(?: +\w+)?)",
        "declared renames of anything but a stage",
        "a campaign of another name is another campaign: those inside the old one finish it",
    ),
    _future(
        r"\bwait +for +\w+(?: +\w+)? +(?:opened|unopened|clicked|unclicked|delivered|bounced)\b",
        "waiting for a reaction this way",
        "write `if email unopened after 2 days send sms NAME`",
    ),
    _future(
        r"\bwait +up +to\b.*? for\b[^,]*",
        "waiting for a reaction this way",
        "write `if email unopened after 2 days send sms NAME`",
    ),
    _future(r"(?<=, )at +least +" + _D, "a shortest waiting time"),
    _future(
        r"\bwait +until +(?:(?:next|on) +)?(?:mon|tues|wednes|thurs|fri|satur|sun)day\b(?: +at +[\d:]+)?",
        "waiting for a day alone",
        "write `wait until 09:00 on monday`",
    ),
    _future(
        r"\bwait +until +\d+-\d+-\d+(?! *\d)", "waiting for a day alone", "add the time: `wait until 2026-12-01 09:00`"
    ),
    _future(
        r"\bwait +until +(?![\d])(?!tomorrow)\w[^,]*",
        "waiting until a condition is true",
        "write `wait for EVENT up to 5 days`",
    ),
    _future(r"\bevent\.\w+", "properties of the awaited event", "`entry.PROPERTY` is the event that entered"),
    _future(r"\bset +\w+ +to +[A-Za-z_]\w*\.\w+", "setting an attribute to a property", "write a fixed value"),
    # conditions
    _future(r"\b\w+ +has +been\b.*?(?: for\b(?: +at +least)?(?: +" + _D + ")?|$)", "how long something has been true"),
    _future(
        r"\b(?:(?!(?:if|and|or|not)\b)\w+ +)?(?!(?:unless|if|and|or)\b)\w+ +(?:not +)?"
        r"(?:replied|answered|refused|unanswered)\b",
        "this reaction",
        "available are opened, unopened, clicked, unclicked, delivered, bounced, not sent",
    ),
    # policy
    _future(r"\bcalendar +\w+", "calendar periods", "days of 24 hours are counted"),
    _future(r"^ +capacity\b.*", "capacity of a channel"),
    _future(r"^ +budget\b.*", "budgets"),
)

_COMPARED = "`{}` is not how values are compared"
_TWO_WORDS = "`{}` is written in two words"
_UNKNOWN = "`{}` is not a word of the language"
SPELLINGS = (
    _spelling(r"==?", "IS", _COMPARED, "write `is`", "is"),
    _spelling(r"!=|<>", "IS", _COMPARED, "write `is not`", "is not"),
    _spelling(r"=>", "GE", _COMPARED, "write `>=`", ">="),
    _spelling(r"=<", "LE", _COMPARED, "write `<=`", "<="),
    _spelling(r"&&?", "AND", "`{}` is not how conditions are joined", "write `and`", "and"),
    _spelling(r"\|\|?", "OR", "`{}` is not how conditions are joined", "write `or`", "or"),
    _spelling(r"!(?= *[\w(])", "NOT", "`{}` is not how a condition is negated", "write `not`", "not "),
    _spelling(r"(?:elif|elsif|elseif)\b", "ELSE", _TWO_WORDS, "write `else if`", "else if"),
    _spelling(r"otherwise\b", "ELSE", _UNKNOWN, "write `else`", "else"),
    _spelling(r"goto\b", "GO", _TWO_WORDS, "write `go to`", "go to"),
    _spelling(
        r"then\b", "COLON", "`{}` is not needed", "one step follows the condition directly, a block after `:`", ""
    ),
    _spelling(r"equals?\b", "IS", _COMPARED, "write `is`", "is"),
    _spelling(r"(?:isn't|isnt|isnot)\b", "IS", _TWO_WORDS, "write `is not`", "is not"),
    _spelling(r"(?:exceeds|over|above)\b", "GT", _COMPARED, "write `>`", ">"),
    _spelling(r"(?:below|under)\b", "LT", _COMPARED, "write `<`", "<"),
    _spelling(
        r"(?:for|within|during|over)(?: +the)?(?: +last)?(?= +\d)",
        "IN",
        "the past is not counted with `{}`",
        "write `in last`",
        "in last",
    ),
    _spelling(r"the +last\b", "LAST", "`{}` is one word too many", "write `last`", "last"),
    _spelling(
        r"(?:more|less) +than\b",
        "FEWER",
        "`{}` is not how times are counted",
        "write `at least 3 times`, `at most 3 times`, `fewer than 3 times` or `exactly 3 times`",
    ),
    _spelling(r"(?:delay|sleep|pause)\b", "WAIT", _UNKNOWN, "write `wait`", "wait"),
    _spelling(r"(?:stop|quit|end)\b(?= *$| +_)", "EXIT", _UNKNOWN, "write `exit`", "exit"),
    _spelling(r"holdout\b", "HOLD", _TWO_WORDS, "write `hold out`", "hold out"),
    _spelling(r"timezone\b", "TIME", _TWO_WORDS, "write `time zone`", "time zone"),
    _spelling(r"messages?\b", "CONTACTS", _UNKNOWN, "write `contacts`", "contacts"),
    _spelling(r"day\b", "DURATION", "`{}` needs a number", "write `1 day`", "1 day"),
    _spelling(r"week\b", "DURATION", "`{}` needs a number", "write `7 days`", "7 days"),
    _spelling(r"month\b", "DURATION", "`{}` needs a number", "write `30 days`", "30 days"),
    _spelling(r"(?:weekday|workday)s?\b", "MONDAY", "`{}` stands for no one day", "name a day, such as `monday`"),
)

_UNIT = r"(second|minute|hour|day|week|month)"
_DIGITS = {"two": "2", "three": "3", "four": "4", "five": "5", "six": "6", "seven": "7", "eight": "8", "nine": "9",
           "ten": "10"}  # fmt: skip
_LETTERS = {"€": "EUR", "$": "USD", "£": "GBP"}
_TYPES = {"string": "text", "str": "text", "varchar": "text", "int": "integer", "float": "number", "decimal": "number",
          "double": "number", "boolean": "bool", "timestamp": "datetime", "currency": "money"}  # fmt: skip


def _amount(match: re.Match[str]) -> str:
    return f"{match[2] or match[3]} {_LETTERS[match[1] or match[4]]}"


PHRASES = (
    # tests
    _phrase(r"^ +(?P<part>hold +out) *$", "`{}` is a line of a campaign", "write `{}`", "held out", "STRING"),
    # times
    _phrase(r"\bwait +(?P<part>for +)(?=\d)", "`for` stands before an event", "write `wait 4 hours`", ""),
    _phrase(rf"\b(?:an?|one) +{_UNIT}\b", "`{}` needs a number", "write `{}`", r"1 \1"),
    _phrase(
        rf"\b({'|'.join(_DIGITS)}) +({_UNIT}s?)\b",
        "`{}` needs a number",
        "write `{}`",
        lambda match: f"{_DIGITS[match[1]]} {match[2]}",
    ),
    _phrase(
        rf"\b\d+ +{_UNIT}s?,? +(?:and +)?\d+ +{_UNIT}s?\b", "a length of time has one unit", "such as `90 minutes`"
    ),
    _phrase(r"\b(\d\d?)\.(\d\d)\b", "`{}` is not how times are written", "write `{}`", r"\1:\2", "CLOCK"),
    _phrase(
        r"\btomorrow(?: +at)? +(\d\d?:\d\d)\b", "`tomorrow` stands behind the time", "write `{}`", r"\1 tomorrow",
        "CLOCK",
    ),
    _phrase(r"\btomorrow\b", "`tomorrow` needs a time", "write `wait until 09:00 tomorrow`", None, "CLOCK"),
    _phrase(
        r"\b\d{1,2}([/.])\d{1,2}\1\d{2,4}\b", "`{}` is not how dates are written", "the year first: `2026-12-24`"
    ),
    # conditions
    _phrase(r"\bis +equal +to\b", _COMPARED, "write `{}`", "is"),
    _phrase(r"\b\w+ +(?P<part>equals?)\b *", _COMPARED, "write `{}`", "is"),
    _phrase(
        r"\b(?:(?:is|was|has) +)?not +(?:been +)?(opened|clicked)\b",
        "`{}` is one word here",
        "write `{}`: a message's reaction is one word",
        r"un\1",
    ),
    _phrase(r"\bun-(opened|clicked)\b", "`{}` is written in one word", "write `{}`", r"un\1"),
    _phrase(
        r"\b(?:is|was|has +been) +(opened|clicked|delivered|bounced)\b",
        "`{}` is one word here",
        "write `{}`: it follows the message directly",
        r"\1",
    ),
    _phrase(r"\b(?P<part>has +(?:not|never) +)\w", "what never happened begins with `no`", "such as `no EVENT`", "no "),
    _phrase(r"\b(?P<part>never +)\w+ *", "what never happened begins with `no`", "such as `no EVENT`", "no "),
    _phrase(
        r"([€$£]) *(\d+(?:\.\d+)?)|(\d+(?:\.\d+)?) *([€$£])",
        "`{}` is not how money is written",
        "write `{}`: the currency's three letters stand behind the amount",
        _amount,
    ),
    _phrase(
        r"\b(?:where|with|having)\b",
        "`{}` does not begin a filter",
        "a filter stands in brackets: `EVENT (PROPERTY is 5)`",
        None,
        "LPAR",
    ),
    _phrase(
        r"\b(?:over|above|under|below|worth)\b",
        "`{}` does not begin a filter",
        "a filter stands in brackets: `EVENT (PROPERTY > 50 EUR)`",
        None,
        "LPAR",
    ),
    # steps
    _phrase(
        r"\bwait +for +(?:a +new +)?\w+(?: *\([^)]*\))? +(?P<part>for|within|until|at +most)\b",
        "how long is said by `up to`",
        "write `{} 5 days`",
        "up to",
    ),
    _phrase(
        r"^ +send\b.*?\w +(?P<part>at +\d\d?:\d\d)\b",
        "`{}` is a wait of its own",
        "write `wait until 09:00` on the line above",
    ),
    _phrase(
        r"^ +(?:send|go|exit|tag|untag|set)\b.*?\w +(?P<part>if +\w.*)$",
        "a condition stands before its step",
        "such as `if tagged warm send email offer`",
    ),
    _phrase(r"\bexit +(?P<part>(?:because|with|as) +)(?=_)", "`{}` is one word too many", 'write `exit "why"`', ""),
    _phrase(r"\bgo +to +(?P<part>stage +)(?=\w)", "`stage` is not needed here", "write `go to STAGE`", ""),
    _phrase(r"\b(?P<part>go +)(?!to\b)(?=t\w\w? *$)", "`to` is missing behind `go`", "write `go to STAGE`", "go to "),
    _phrase(r"\b(?:add|give)(?: +the)? +tag\b(?= +\w)", "a tag is given by `tag`", "write `tag NAME`", "tag"),
    _phrase(
        r"\b(?:remove|delete|drop)(?: +the)? +tag\b(?= +\w)", "a tag is taken by `untag`", "write `untag NAME`", "untag"
    ),
    _phrase(r"\bset +\w+ +(?P<part>=)", "a value is set by `to`", "write `set ATTRIBUTE to VALUE`", "to"),
    _phrase(
        r"\bsend +\w+ +(?P<part>(?:[\w.-]+/)+(\w+)(?:\.\w+)*|(\w+)\.(?:txt|html?|md))(?![\w/])",
        "a template goes by its name alone",
        "write `{}`",
        lambda match: match[2] or match[3],
    ),
    _phrase(
        r"\bexit +(?P<part>(?!when\b|else\b)[A-Za-z]\w*(?: +\w+)*)(?= *$)",
        "the text `{}` needs quotes",
        "write `{}`",
        r'"\g<part>"',
        "STRING",
    ),
    _phrase(
        r"\bsend\b.*?[^, ](?P<part> +expires +after)\b",
        "a comma stands before `expires after`",
        "write `, expires after 2 days`",
        ", expires after",
    ),
    _phrase(
        r"^ *(?:else +)?if\b.*[^ :](?P<part> *:) +(?=[a-z])",
        "steps behind `:` stand on lines of their own",
        "write them below and deeper, or leave `:` out for one step",
        "",
    ),
    _phrase(
        r"^ *stage +(?P<part>(?!\w+ +formerly\b)\w+(?: +(?!_)\w+)+)(?= *_* *:? *$)",
        "a name is one word",
        "write `{}`",
        lambda match: re.sub(" +", "_", match["part"]),
    ),
    # header, policy, declarations
    _phrase(
        r"^ +(?:owner|class|priority|goal|exclude|settle|send|wait|tag|untag|go +to)(?P<part> *:)",
        "no `{}` stands here",
        "leave it out",
        "",
    ),
    _phrase(
        r"^ +exclude +(?P<part>(?!(?:list|segment|campaign)\b)\w+)",
        "`{}` may be a list, a segment or a campaign",
        "say which: `exclude list NAME`, `exclude segment NAME` or `exclude campaign NAME`",
    ),
    _phrase(r"^ +goal +\w+(?: *\(.*\))? +(?P<part>in)\b", "a goal's time begins with `within`", "write `{}`", "within"),
    _phrase(r"\b(\d+) +(?:percent|per +cent|pct)\b", "`{}` is not how shares are written", "write `{}`", r"\1%"),
    _phrase(
        r"^ +enter +(?P<part>every) +(?!time\b)(?=\w)",
        "`when` is missing behind `enter`",
        "write `enter {}`",
        "when every",
    ),
    _phrase(
        r"^ +enter +(?P<part>on)(?= +\w+ +at\b)",
        "`when` is missing behind `enter`",
        "write `enter when on NAME at 09:00`",
        "when on",
        "WHEN",
    ),
    _phrase(
        r"^ +enter +(?P<part>on|if|whenever|upon)\b",
        "`{}` does not begin an entry",
        "write `enter when`",
        "when",
        "WHEN",
    ),
    _phrase(
        r"^ *stage +\w+ +formerly +\w+ +(?P<part>_+)",
        "the title of a stage stands before `formerly`",
        'write `stage NAME "Title" formerly OLD:`',
        None,
        None,
    ),
    _phrase(
        r"\b(?:e?mails?|sms|texts)\b",
        "`{}` is not what a cap counts",
        "write `cap 2 contacts per 7 days by email`, with the channel at the end",
        None,
        "CONTACTS",
    ),
    _phrase(rf"\b(?:{'|'.join(_TYPES)})\b", "there is no type `{}`", "write `{}`",
            lambda match: _TYPES[match[0]], "BOOL"),
    # signs
    _phrase(r"(?P<part>//)", "a comment begins with `#`", "write `#`", "#"),
    _phrase(r"(?P<part>[;.,]) *$", "no `{}` stands at the end of a line", "leave it out", ""),
)  # fmt: skip


def masked(line: str) -> str:
    """The line with texts in quotes and comments blanked, every other character in its place."""
    return _MASK.sub(lambda match: ("_" if match[0][0] == '"' else " ") * len(match[0]), line)


def future(line: str, at: int) -> tuple[Future, int, int] | None:
    """What is not available yet around column `at` (from 0) of a masked line, and from where to where it stands."""
    line = line[:_LONGEST]
    for known in FUTURES:
        for match in known.pattern.finditer(line):
            part = "part" if "part" in match.groupdict() else 0
            if match.start(part) <= at and not line[match.end(part) : at].strip():
                start = match.end(part) - len(match[part].lstrip())
                return known, start, start + len(match[part].strip())
    return None


def phrase(line: str, at: int, expected: frozenset[str]) -> tuple[Phrase, re.Match[str], int, int] | None:
    """A phrase around or directly before column `at` of a masked line, and from where to where it stands."""
    line = line[:_LONGEST]
    for known in PHRASES:
        if known.needs is not None and known.needs not in expected:
            continue
        for match in known.pattern.finditer(line):
            part = "part" if "part" in known.pattern.groupindex else 0
            if match.start() <= at <= match.end():
                return known, match, *match.span(part)
    return None


def spelling(line: str, at: int) -> tuple[Spelling, re.Match[str]] | None:
    """Another language's spelling that begins at column `at` of a masked line."""
    for known in SPELLINGS:
        match = known.pattern.match(line, at)
        if match:
            return known, match
    return None
