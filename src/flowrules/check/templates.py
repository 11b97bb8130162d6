"""The template of each send: it is there, can be read, and asks only for what there is.

Takes the campaigns as written, the names and the snapshot; gives diagnostics, those about a template with their place
in its file. A template may use `customer.ATTRIBUTE`, `entry.PROPERTY` of the event that starts the campaign,
`message.ARGUMENT` of the send, what its channel is set up with, and its own variables. Marketing mail to real people
needs a way out. Nothing is rendered here. Jinja is imported only when there is
a template to read.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cache, lru_cache
from itertools import accumulate
from typing import TYPE_CHECKING

from flowrules.diagnostics.model import Diagnostic, Edit, Fix, Label
from flowrules.diagnostics.suggest import nearest
from flowrules.model.template import KEYS, SCHEMES, WORDS, Head, head
from flowrules.model.walk import steps_of
from flowrules.source import Source, Span
from flowrules.syntax import tree
from flowrules.syntax.reading import unreadable

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from jinja2 import nodes

    from flowrules.check.sandbox import Sandbox
    from flowrules.model.names import Names
    from flowrules.model.schema import Channel, EventType
    from flowrules.model.snapshot import Template

ROOTS = ("customer", "entry", "message")
_LINK = re.compile(r"""\b(?:href|src|action|background)\s*=\s*["']?\s*([a-z][a-z0-9+.-]*):""", re.IGNORECASE)
_TOO_DEEP = "is nested too deeply or holds a number that is too large"


@dataclass(frozen=True, slots=True)
class _Use:
    """`customer.first_name`; name None: the root alone."""

    root: str
    name: str | None
    span: Span


@dataclass(slots=True)
class _Read:
    """One template file, read once."""

    source: Source
    head: Head
    uses: list[_Use] = field(default_factory=list)
    assigned: set[str] = field(default_factory=set)
    included: list[tuple[str | None, Span]] = field(default_factory=list)
    problems: list[Diagnostic] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Sent:
    """What one send offers its template."""

    campaign: str
    event: EventType | None
    send: tree.Send
    marketing: bool

    @property
    def where(self) -> Label:
        return Label(self.send.span, "sent here")

    def needs_way_out(self, channel: Channel) -> bool:
        return self.marketing and channel.public and channel.address == "email"


class _Templates:
    def __init__(self, names: Names) -> None:
        self.names = names
        self.found: dict[tuple[str, Span], Diagnostic] = {}
        self.by_path = {template.path: template for template in names.snapshot.templates}
        self.parts: dict[tuple[str, str], list[Template]] = {}
        for template in names.snapshot.templates:
            self.parts.setdefault((template.channel, template.name), []).append(template)
        self.reads: dict[str, _Read] = {}

    def note(self, diagnostic: Diagnostic) -> None:
        """Once per place, however many sends use the template."""
        self.found.setdefault((diagnostic.code, diagnostic.span), diagnostic)

    def read(self, template: Template) -> _Read:
        if template.path not in self.reads:
            source = Source(template.path, template.text)
            self.reads[template.path] = read = _read(source)
            for problem in read.problems:
                self.note(problem)
        return self.reads[template.path]

    # --- one send -----------------------------------------------------------------------------

    def check(self, sent: _Sent) -> None:
        channel, name = sent.send.channel.text, sent.send.template.text
        parts = self.parts.get((channel, name))
        if channel not in self.names.channels:
            return
        if parts is None:
            known = [template for there, template in self.parts if there == channel]
            missing = f"there is no template `{name}` for {channel}"
            self.note(
                _unknown(
                    "FR310", missing, sent.send.template.span, name, known, f"write `templates/{channel}/{name}.txt`"
                )
            )
            return
        by_language: dict[str, list[_Read]] = {}
        for part in parts:
            by_language.setdefault(part.language, []).append(self.read(part))
        if "" not in by_language:
            message = f"the template `{name}` has no version for customers of other languages"
            hint = f"write `templates/{channel}/{name}.txt`"
            self.note(Diagnostic("FR310", message, sent.send.template.span, hint))
        for reads in by_language.values():
            self.version(reads, sent)

    def version(self, reads: list[_Read], sent: _Sent) -> None:
        """The parts of a message in one language."""
        channel, name = self.names.channels[sent.send.channel.text], sent.send.template.text
        subject = any(read.head.value("subject") or read.problems for read in reads)
        if channel.address == "email" and not subject:
            message = f"the email `{name}` has no subject"
            hint = "the file begins with `---`, `subject: ...`, `---`, each on a line of its own"
            self.note(Diagnostic("FR313", message, _line(reads[0].source, 1), hint, (sent.where,)))
        for read in reads:
            self.follow(read, sent, frozenset(), {read.source.name}, (read.source.name,))
        if sent.needs_way_out(channel):
            self.way_out(reads, sent, channel)

    def way_out(self, reads: list[_Read], sent: _Sent, channel: Channel) -> None:
        """Who gets advertising must be told by whom, and how to end it."""
        for setting in WORDS:
            if getattr(channel, setting) is None:
                message = f"marketing by `{channel.name}` reaches real people, and there is no `{setting}`"
                hint = f"set it in flowrules.toml: `[channels.{channel.name}]`, `{setting} = ...`"
                self.note(Diagnostic("FR314", message, sent.send.channel.span, hint))
        for read in reads:
            if "unsubscribe_url" not in self.roots(read, set()) and not read.problems:
                message = f"the marketing email `{sent.send.template.text}` shows no link to unsubscribe"
                hint = "write `{{ unsubscribe_url }}` where the link goes"
                place = _line(read.source, read.source.position(read.head.body)[0])
                self.note(Diagnostic("FR315", message, place, hint, (sent.where,), severity="warning"))

    def roots(self, read: _Read, visited: set[str]) -> set[str]:
        """The first words of what a file and those it includes ask for."""
        visited.add(read.source.name)
        found = {use.root for use in read.uses}
        for path, _ in read.included:
            template = self.by_path.get(f"templates/{path}")
            if template is not None and template.path not in visited:
                found |= self.roots(self.read(template), visited)
        return found

    def follow(
        self, read: _Read, sent: _Sent, assigned: frozenset[str], visited: set[str], within: tuple[str, ...]
    ) -> None:
        """A file and those it includes, which see its variables; `within`: the files that include this one, and it."""
        assigned |= read.assigned
        for use in read.uses:
            if use.root in assigned:
                continue
            if use.root in WORDS:
                self.word(use, sent)
            else:
                self.use(use, sent)
        for path, span in read.included:
            template = None if path is None else self.by_path.get(f"templates/{path}")
            if template is not None and template.path in within:
                self.note(Diagnostic("FR311", "this template includes itself, without end", span, "leave it out"))
            elif template is not None:
                if template.path not in visited:
                    visited.add(template.path)
                    self.follow(self.read(template), sent, assigned, visited, (*within, template.path))
            elif path is None:
                message = "the name of an included template must be written out"
                self.note(Diagnostic("FR311", message, span, 'such as `{% include "email/footer.html" %}`'))
            else:
                known = [known.removeprefix("templates/") for known in self.by_path]
                self.note(_unknown("FR311", f"there is no template `{path}` to include", span, path, known))

    def use(self, use: _Use, sent: _Sent) -> None:  # one case a root
        root, name, names = use.root, use.name, self.names
        if root not in ROOTS:
            self.note(_unknown_root(use, names))
        elif name is None:
            self.note(
                Diagnostic("FR312", f"`{root}` alone is no value", use.span, f"say which: `{{{{ {root}.NAME }}}}`")
            )
        elif root == "customer":
            if name not in names.attributes and name not in names.lost:
                message = f"customers have no attribute `{name}`"
                self.note(
                    _unknown(
                        "FR312", message, use.span, name, names.attributes, f"declare it: `attribute {name}: text`"
                    )
                )
        elif root == "message":
            arguments = [argument.name for argument in sent.send.arguments]
            if name not in arguments:
                hint = f'hand it over: `send {sent.send.channel.text} {sent.send.template.text} ({name} "...")`'
                message = f"this send hands over no `{name}`"
                self.note(_unknown("FR312", message, use.span, name, arguments, hint, sent.where))
        elif sent.event is None:
            by_step = f"a step of a campaign starts `{sent.campaign}`, and brings no event"
            why = by_step if sent.campaign in names.started else f"no event starts campaign `{sent.campaign}`"
            self.note(Diagnostic("FR312", f"`entry.{name}`: {why}", use.span, None, (sent.where,)))
        elif f"{sent.event.name}.{name}" not in names.lost:
            known = [prop.name for prop in sent.event.properties]
            if name not in known:
                message = f"event `{sent.event.name}`, which starts the campaign, has no property `{name}`"
                self.note(_unknown("FR312", message, use.span, name, known, None, sent.where))

    def word(self, use: _Use, sent: _Sent) -> None:
        channel = self.names.channels[sent.send.channel.text]
        if getattr(channel, use.root) is None and not sent.needs_way_out(channel):  # which is told once
            message = f"the channel `{channel.name}` has no `{use.root}`"
            hint = f"set it in flowrules.toml: `[channels.{channel.name}]`, `{use.root} = ...`"
            self.note(Diagnostic("FR312", message, use.span, hint, (sent.where,)))


def check_templates(
    campaigns: Iterable[tree.CampaignDecl], names: Names, marketing: Collection[str] = ()
) -> list[Diagnostic]:
    """`marketing`: the campaigns whose messages are; empty where the rules could not be understood."""
    templates = _Templates(names)
    for campaign in campaigns:
        event, known = _entering(campaign, names)
        for step in steps_of(campaign) if known else ():
            if isinstance(step, tree.Send):
                templates.check(_Sent(campaign.name.text, event, step, campaign.name.text in marketing))
    for template in names.snapshot.templates:
        if template.path not in templates.reads:
            for wrong in unreadable(Source(template.path, template.text)):
                templates.note(wrong)
    return list(templates.found.values())


def _entering(campaign: tree.CampaignDecl, names: Names) -> tuple[EventType | None, bool]:
    """The event that starts a campaign, and whether that is known; what is wrong with it is build's to say."""
    enter = next((clause for clause in campaign.header if isinstance(clause, tree.Enter)), None)
    if campaign.name.text in names.started:
        return None, True
    if enter is None or not isinstance(enter.trigger, tree.EventTrigger):
        return None, enter is not None
    event = names.events.get(enter.trigger.event.text)
    return event, event is not None


def _unknown(
    code: str,
    message: str,
    span: Span,
    word: str,
    known: Iterable[str],
    otherwise: str | None = None,
    *labels: Label,
) -> Diagnostic:
    near = nearest(word, known)
    if near is None:
        return Diagnostic(code, message, span, otherwise, labels)
    at = span.text.rfind(word)
    place = span if at < 0 else Span(span.source, span.start + at, span.start + at + len(word))
    fix = Fix(f"change to `{near}`", False, (Edit(place, near),))
    return Diagnostic(code, message, place, f"did you mean `{near}`?", labels, (fix,))


def _unknown_root(use: _Use, names: Names) -> Diagnostic:
    message = f"a template knows no `{use.root}`"
    if use.root in names.attributes:
        instead = f"customer.{use.root}"
        fix = Fix(f"write `{instead}`", True, (Edit(use.span, instead),))
        return Diagnostic("FR312", message, use.span, f"an attribute is written `{instead}`", fixes=(fix,))
    hint = "it knows `customer.ATTRIBUTE`, `entry.PROPERTY`, `message.ARGUMENT`, " + " and ".join(
        f"`{word}`" for word in WORDS
    )
    return _unknown("FR312", message, use.span, use.root, (*ROOTS, *WORDS), hint)


# --- reading one file -------------------------------------------------------------------------


def _read(source: Source) -> _Read:
    wrong = unreadable(source)
    if wrong:
        return _Read(source, Head(), problems=list(wrong))
    found = head(source.text)
    if found is None:
        open_ = Diagnostic(
            "FR313", "the head of this template is not closed", _line(source, 1), "a second line `---` ends it"
        )
        return _Read(source, Head(), problems=[open_])
    read = _Read(source, found)
    for key, value, at in found.entries:
        if key not in KEYS:
            span = Span(source, source.text.rfind(key, 0, at), max(at - 1, 0)) if key else Span(source, at, at + 1)
            span = Span(source, span.start, span.start + max(len(key), 1))
            hint = "it may say `subject: ...`"
            read.problems.append(_unknown("FR313", f"the head of a template has no `{key}`", span, key, KEYS, hint))
        else:
            _parse(value, at, read)
    _parse(source.text[found.body :], found.body, read)
    if source.name.endswith(".html"):
        read.problems += _wrong_links(source)
    return read


def _wrong_links(source: Source) -> Iterator[Diagnostic]:
    """Those written out; what a value makes of a link shows when the message is written."""
    for link in _LINK.finditer(source.text):
        if link[1].lower() not in SCHEMES:
            message = f"a link can not lead to `{link[1]}:`"
            hint = "links of messages lead to http, https, mailto or tel"
            yield Diagnostic("FR316", message, Span(source, link.start(1), link.end(1)), hint)


def _parse(text: str, offset: int, read: _Read) -> None:
    """Adds what a part of the file, at `offset`, uses; or why it can not be read."""
    from jinja2 import TemplateSyntaxError, meta, nodes  # noqa: PLC0415  # slow to import, not needed by most commands

    first = read.source.position(offset)[0]
    environment = _environment()
    try:
        ast = environment.parse(text)
        undeclared = meta.find_undeclared_variables(ast)
        environment.compile(text)
    except TemplateSyntaxError as error:
        span = _line(read.source, first + error.lineno - 1)
        message = (error.message or "").rstrip(".").replace("'", "`")
        message = f"the template can not be read: {message[:1].lower()}{message[1:]}"
        read.problems.append(Diagnostic("FR311", message, span))
        return
    except (RecursionError, MemoryError, SyntaxError, ValueError, OverflowError):
        read.problems.append(Diagnostic("FR311", f"the template {_TOO_DEEP}", _line(read.source, first)))
        return
    read.assigned |= {node.name for node in ast.find_all(nodes.Name) if node.ctx != "load"}
    seen: dict[tuple[int, str], int] = {}
    for root, name, line in _used(ast):
        if root in undeclared or root == "self":
            words = rf"\b{re.escape(root)}\b" + ("" if name is None else rf"(?:\s*\.\s*|\[\s*[\"']){re.escape(name)}\b")
            span = _find(read.source, first + line - 1, words, seen)
            read.uses.append(_Use(root, name, span))
    for path, line in _included(ast):
        read.included.append((path, _find(read.source, first + line - 1, re.escape(path or "{%"), {})))


def _used(ast: nodes.Node) -> Iterator[tuple[str, str | None, int]]:
    """Root, name and line of every variable that is read, in order of the text."""
    from jinja2 import nodes  # noqa: PLC0415 -- only where there are templates

    todo: list[nodes.Node] = [ast]
    while todo:
        node = todo.pop()
        match node:
            case nodes.Name(name=name, ctx="load"):
                yield name, None, node.lineno
            case nodes.Getattr(node=nodes.Name(name=name, ctx="load"), attr=attribute):
                yield name, attribute, node.lineno
            case nodes.Getitem(node=nodes.Name(name=name, ctx="load"), arg=nodes.Const(value=str(key))):
                yield name, key, node.lineno
            case _:
                todo.extend(reversed(list(node.iter_child_nodes())))


def _included(ast: nodes.Node) -> Iterator[tuple[str | None, int]]:
    """Path and line of every other file a template names; no path where it is computed."""
    from jinja2 import nodes  # noqa: PLC0415 -- only where there are templates

    for node in ast.find_all(nodes.Stmt):
        match node:
            case (
                nodes.Include(template=target)
                | nodes.Extends(template=target)
                | nodes.Import(template=target)
                | nodes.FromImport(template=target)
            ):
                path = getattr(target, "value", None)  # only of a constant
                yield path if isinstance(path, str) else None, node.lineno
            case _:
                pass


@cache
def _environment() -> Sandbox:
    from flowrules.check.sandbox import Sandbox  # noqa: PLC0415 -- only where there are templates

    return Sandbox()


def _line(source: Source, number: int) -> Span:
    """The text of a line, without the blanks around it."""
    starts = _starts(source.text)
    number = min(number, len(starts) - 1)
    line = source.text[starts[number - 1] : starts[number]]
    start = starts[number - 1] + len(line) - len(line.lstrip())
    return Span(source, start, start + len(line.strip()))


@lru_cache(maxsize=8)
def _starts(text: str) -> list[int]:
    """Where each line starts, and the end."""
    return [0, *accumulate(len(line) + 1 for line in text.split("\n"))]


def _find(source: Source, number: int, words: str, seen: dict[tuple[int, str], int]) -> Span:
    """The next occurrence in a line (`seen` counts them), else the line."""
    whole = _line(source, number)
    from_ = seen.get((number, words), whole.start)
    match = re.compile(words).search(source.text, from_, whole.end)
    if match is None:
        return whole
    seen[number, words] = match.end()
    return Span(source, match.start(), match.end())
