"""No use of a declared name is overlooked: every lexeme that is its name is known as one."""

from __future__ import annotations

import re
from dataclasses import fields, is_dataclass

import pytest

from flowrules.editor.words import _KINDS, words
from flowrules.source import Source
from flowrules.syntax import tree
from flowrules.syntax.parser import Lexeme, parse
from tests.docs.flow import whole
from tests.docs.markdown import ROOT, blocks
from tests.editors.test_textmate import FLOWS, LANGUAGE
from tests.language.literate import cases

RIGHT = [
    *(case.text for path in sorted(LANGUAGE.glob("*.md")) for case in cases(path) if not case.expected),
    *(whole(each)[0] for each in blocks(ROOT / "docs" / "language.md") if each.info.startswith("flow")),
    *FLOWS,
]


_CAMPAIGN = re.compile(r"\b(?:campaign|left|goal of|in stage) +\Z")


# Names of what is not declared in a block of its own: channels, templates, tags, properties, purposes, arms and splits,
# the customers of one test, places of a table of cases.
ELSEWHERE = {
    "Argument.value", "Arm.name", "Cap.channels", "ClassOf.name", "Consent.channels", "ConsentsTo.channel",
    "ConsentsTo.purpose", "Content.text", "Does.who", "Enter.keyed", "ExpectGoal.who", "ExpectLeft.who",
    "ExpectMessage.channel", "ExpectMessage.message", "ExpectMessage.who", "ExpectStage.who", "ExpectTagged.tag",
    "ExpectTagged.who", "ExpectValue.value", "ExpectValue.who", "Given.who", "GivenArm.arm", "GivenArm.split",
    "GivenTag.name", "HoldOut.message_class", "ListDecl.by", "Many.number", "MessageClass.name", "MessageClass.purpose",
    "NamedValue.name", "NamedValue.value", "OfMessage.channel", "OfMessage.message", "PropertyDecl.name",
    "Purpose.name", "QuietHours.channels", "Reaction.channel", "Reaction.message", "Reacts.channel", "Reacts.message",
    "Reacts.who", "Says.who", "Send.channel", "Send.template", "SetOf.value", "SetOf.who", "Split.name",
    "Stage.formerly", "Suppress.channels", "Tag.name", "TagTrigger.tag", "Tagged.name", "TestLine.after",
    "TestLine.at", "Untag.name",
}  # fmt: skip
BY_HAND = {"Compare.left", "Exclude.name", "ExitWhen.name"}  # in `_kind`


def test_every_place_of_a_name_is_known() -> None:
    """A new production says here what its names stand for."""
    places = {
        f"{name}.{each.name}"
        for name, node in vars(tree).items()
        if isinstance(node, type) and is_dataclass(node)
        for each in fields(node)
        if re.search(r"\b(?:Name|Operand)\b", str(each.type))
    }
    known = {f"{node.__name__}.{field}" for node, field in _KINDS}
    assert places == known | ELSEWHERE | BY_HAND


def uses(text: str, kind: str) -> tuple[set[tuple[str, int]], set[tuple[str, int]]]:
    """Of declared names: all lexemes, and those that are known; names that also stand for something else left out."""
    lexemes: list[Lexeme] = []
    file, _ = parse(Source("sample.flow", text), lexemes)
    found = words([file])
    declared = {word.name for word in found if word.kind == kind and word.whole is not None}
    others = {word.name.rpartition(".")[2] for word in found if word.kind != kind}
    wanted = declared - others
    known = {(word.name, word.span.start) for word in found if word.kind == kind and word.name in wanted}
    said = {(text[each.start : each.end], each.start) for each in lexemes if each.kind == "NAME"}
    return {(name, at) for name, at in said if name in wanted}, known


@pytest.mark.parametrize("kind", ["segment", "event", "list", "campaign"])
def test_every_use_is_known(kind: str) -> None:
    seen = 0
    for text in RIGHT:
        every, known = uses(text, kind)
        if kind == "campaign":  # templates may have such a name, and `campaign.stage` is the stage's
            every = {(name, at) for name, at in every if _CAMPAIGN.search(text, 0, at) and text[at + len(name)] != "."}
        assert every == known, text
        seen += len(every)
    assert seen > 0
