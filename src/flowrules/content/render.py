"""Messages written from templates, in a sandbox.

Takes templates and records of values; gives subject, text and HTML, or a TemplateFailure. Never raises for what a
template or a customer's data hold, and never writes without bound.

A template is `templates/<channel>/<name>.txt`, `.html` or both, for a language `<name>.es.txt`. It may begin with a
front matter:

    ---
    subject: Welcome, {{ customer.first_name }}
    ---
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from jinja2 import DictLoader, TemplateError, TemplateSyntaxError
from jinja2 import Template as Compiled

from flowrules.check.sandbox import LARGEST, Sandbox
from flowrules.content.links import WrongLinkError, check_links
from flowrules.content.plain import plain
from flowrules.content.values import Missing, Record
from flowrules.model.snapshot import Template, languages
from flowrules.model.template import Head, head

LARGEST_SUBJECT = 998
"""What a line of an email's head may hold."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """`text`: that of the HTML, where the template has no text; `html`: None where it has none."""

    subject: str | None
    text: str | None
    html: str | None


@dataclass(frozen=True, slots=True)
class TemplateFailure:
    """`place` is `file:line` as far as it is known. `message` names no value of the customer's."""

    place: str
    message: str


@dataclass(frozen=True, slots=True)
class _Part:
    path: str
    subject: Callable[[Mapping[str, object]], str] | None
    body: Callable[[Mapping[str, object]], str]


class _TooLongError(Exception):
    pass


class _Sandbox(Sandbox):
    """Looks values up in records, by name alone."""

    def getattr(self, obj: object, attribute: str) -> object:
        return obj.look_up(attribute) if isinstance(obj, Record) else super().getattr(obj, attribute)

    def getitem(self, obj: object, argument: object) -> object:
        return obj.look_up(str(argument)) if isinstance(obj, Record) else super().getitem(obj, argument)


class Templates:
    """All templates of one snapshot. Each is compiled when it is first asked for, once."""

    def __init__(self, templates: Iterable[Template]) -> None:
        self._parts: dict[tuple[str, str], dict[str, list[Template]]] = {}
        self._split: dict[str, tuple[str | None, str, int]] = {}
        for template in sorted(templates, key=lambda template: template.path):
            of_name = self._parts.setdefault((template.channel, template.name), {})
            of_name.setdefault(template.language, []).append(template)
            self._split[template.path] = _split(template.text)
        bodies = {path.removeprefix("templates/"): body for path, (_, body, _) in self._split.items()}
        self._environment = _Sandbox(
            loader=DictLoader(bodies),
            autoescape=lambda name: name is not None and name.endswith(".html"),
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
        )
        self._compiled: dict[tuple[str, str, str], list[_Part] | TemplateFailure] = {}

    def render(
        self,
        channel: str,
        name: str,
        records: Iterable[Record],
        language: str | None = None,
        words: Mapping[str, str | None] | None = None,
    ) -> Rendered | TemplateFailure:
        """`words`: texts that a template names without a record; None is one that has no value here."""
        of_name = self._parts.get((channel, name), {})
        chosen = next((each for each in languages(language) if each in of_name), None)
        if chosen is None:
            return TemplateFailure(f"templates/{channel}/{name}", "there is no such template")
        key = (channel, name, chosen)
        if key not in self._compiled:
            self._compiled[key] = self._compile(of_name[chosen])
        parts = self._compiled[key]
        if isinstance(parts, TemplateFailure):
            return parts
        values: dict[str, object] = {record.name: record for record in records}
        values |= {key: Missing(f"{key} is not set") if text is None else text for key, text in (words or {}).items()}
        subject: str | None = None
        texts: dict[bool, str] = {}
        for part in parts:
            try:
                if part.subject is not None:
                    # One line, whatever the values hold: a line break would begin a header of its own.
                    subject = " ".join(part.subject(values).split())[:LARGEST_SUBJECT]
                html = part.path.endswith(".html")
                texts[html] = part.body(values)
                if html:
                    check_links(texts[html])
            except Exception as failure:  # noqa: BLE001 -- whatever a template does, one message is held and no more
                return _failure(part.path, failure, self._split[part.path][2])
        written = texts.get(True)
        text = plain(written) if written is not None and False not in texts else texts.get(False)
        return Rendered(subject, text, written)

    def _compile(self, templates: Iterable[Template]) -> list[_Part] | TemplateFailure:
        parts = []
        for template in templates:
            subject, _, offset = self._split[template.path]
            try:
                head = None if subject is None else _bounded(self._environment.from_string(subject), LARGEST)
                body = self._environment.get_template(template.path.removeprefix("templates/"))
            except TemplateError as failure:
                return _failure(template.path, failure, offset)
            parts.append(_Part(template.path, head, _bounded(body, LARGEST)))
        return parts


def _split(text: str) -> tuple[str | None, str, int]:
    """Subject, body, and the number of lines before the body. A head that is never closed is a body."""
    found = head(text) or Head()
    subject = found.value("subject")
    return None if subject is None else subject[0], text[found.body :], text.count("\n", 0, found.body)


def _bounded(template: Compiled, largest: int) -> Callable[[Mapping[str, object]], str]:
    def write(values: Mapping[str, object]) -> str:
        pieces, length = [], 0
        for piece in template.generate(values):
            length += len(piece)
            if length > largest:
                raise _TooLongError(f"writes more than {largest:,} characters")
            pieces.append(piece)
        return "".join(pieces)

    return write


def _failure(path: str, failure: Exception, offset: int) -> TemplateFailure:
    if isinstance(failure, TemplateSyntaxError):
        return TemplateFailure(f"{path}:{failure.lineno + offset}", failure.message or "can not be read")
    if isinstance(failure, TemplateError | _TooLongError | WrongLinkError | TypeError):
        return TemplateFailure(path, str(failure) or "can not be written")
    if isinstance(failure, MemoryError):
        return TemplateFailure(path, "needs too much memory to write")
    # The message of another error may quote the customer's data.
    return TemplateFailure(path, f"can not be written ({type(failure).__name__})")
