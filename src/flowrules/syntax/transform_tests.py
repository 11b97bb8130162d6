"""Productions of a test to tree classes, as `transform` does the others."""

from __future__ import annotations

from flowrules.syntax import tree
from flowrules.syntax.values import Children, Reader


class TestReader(Reader):
    """One method per production of a `test` block."""

    def test_decl(self, c: Children) -> tree.TestDecl:
        given: list[tree.Given] = []
        lines: list[tree.TestLine] = []
        for item in c[5:-1]:
            if type(item) is tree.TestLine:
                lines.append(item)
            elif type(item) is tree.Given:
                given.append(item)
                if lines:
                    self._problem(
                        "FR014",
                        f"`given {item.who.text}` belongs above the first thing that happens",
                        item.span,
                        "who there is stands at the top of a test, before `at`",
                    )
        return tree.TestDecl(self._text(c[1]), tuple(given), tuple(lines), self._span(c[:2]))

    def given(self, c: Children) -> tree.Given:
        return tree.Given(self._name(c[1]), tuple(c[5:-1:2]), self._span(c[:2]))

    def given_tag(self, c: Children) -> tree.GivenTag:
        return tree.GivenTag(self._name(c[1]), self._span(c))

    def given_held_out(self, c: Children) -> tree.GivenHeldOut:
        return tree.GivenHeldOut(self._span(c))

    def named_value(self, c: Children) -> tree.NamedValue:
        return tree.NamedValue(self._name(c[0]), self._value(c[1]), self._span(c))

    def properties(self, c: Children) -> Children:
        return c

    def consent(self, c: Children) -> tree.Consent:
        return tree.Consent(c[-1], c[0] == "consents", self._span(c))

    def test_line(self, c: Children) -> tree.TestLine:
        match str(c[0]) if len(c) > 1 else "":
            case "at":
                return tree.TestLine(self._moment(c[1]), None, c[2], self._span(c))
            case "after":
                return tree.TestLine(None, self._duration(c[1]), c[2], self._span(c))
            case _:
                return tree.TestLine(None, None, c[0], self._span(c))

    # --- what happens -------------------------------------------------------------------------

    def does(self, c: Children) -> tree.Does:
        properties = () if c[3] is None else tuple(c[3][1::2])
        return tree.Does(self._name(c[0]), self._name(c[2]), properties, self._span(c))

    def reacts(self, c: Children) -> tree.Reacts:
        reaction = c[1].value
        return tree.Reacts(self._name(c[0]), reaction, self._name(c[2]), self._name(c[3]), self._span(c))

    def says(self, c: Children) -> tree.Says:
        return tree.Says(self._name(c[0]), c[1], self._span(c))

    def set_of(self, c: Children) -> tree.SetOf:
        return tree.SetOf(self._name(c[1]), self._name(c[3]), self._value(c[5]), self._span(c))

    # --- what is expected ---------------------------------------------------------------------

    def because(self, c: Children) -> tree.Because:
        quoted = c[1].type == "STRING"
        return tree.Because(self._text(c[1]) if quoted else str(c[1]), quoted, self._span(c))

    def expect_message(self, c: Children) -> tree.ExpectMessage:
        message = None if c[2] is None else self._name(c[2])
        return tree.ExpectMessage(False, self._name(c[1]), message, self._name(c[4]), None, self._span(c))

    def expect_no_message(self, c: Children) -> tree.ExpectMessage:
        message = None if c[3] is None else self._name(c[3])
        return tree.ExpectMessage(True, self._name(c[2]), message, self._name(c[5]), c[6], self._span(c))

    def expect_stage(self, c: Children) -> tree.ExpectStage:
        return tree.ExpectStage(self._name(c[1]), c[2] is not None, c[5], self._span(c))

    def expect_tagged(self, c: Children) -> tree.ExpectTagged:
        return tree.ExpectTagged(self._name(c[1]), c[2] is not None, self._name(c[4]), self._span(c))

    def expect_left(self, c: Children) -> tree.ExpectLeft:
        return tree.ExpectLeft(self._name(c[1]), self._name(c[3]), c[4], self._span(c))

    def expect_value(self, c: Children) -> tree.ExpectValue:
        return tree.ExpectValue(self._name(c[1]), self._name(c[3]), self._value(c[5]), self._span(c))
