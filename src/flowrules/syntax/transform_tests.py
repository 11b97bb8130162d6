"""Productions of a test to tree classes, as `transform` does the others."""

from __future__ import annotations

from lark.lexer import Token

from flowrules.syntax import tree
from flowrules.syntax.values import Child, Children, Reader


class TestReader(Reader):
    """One method per production of a `test` block."""

    def customer_decl(self, c: Children) -> tree.CustomerDecl:
        return tree.CustomerDecl(self._name(c[1]), _facts(c), self._span(c[:2]))

    def test_decl(self, c: Children) -> tree.TestDecl:
        given: list[tree.GivenSomething] = []
        lines: list[tree.TestLine] = []
        for item in c[5:-1]:
            if type(item) is tree.TestLine:
                lines.append(item)
            elif isinstance(item, tree.GivenSomething):
                given.append(item)
                if lines:
                    self._problem(
                        "FR014",
                        f"`{item.span.words}` belongs above the first thing that happens",
                        item.span,
                        "who there is stands at the top of a test, before `at`",
                    )
        cases = tuple(item for item in c if type(item) is tree.Cases)
        return tree.TestDecl(self._text(c[1]), tuple(given), tuple(lines), cases, self._span(c[:2]))

    def given(self, c: Children) -> tree.Given:
        like = None if c[3] is None else self._name(c[3])
        return tree.Given(self._name(c[1]), like, _facts(c), self._span(c[:4]))

    def given_shared(self, c: Children) -> tree.GivenShared:
        return tree.GivenShared(c[1], self._span(c[:2]))

    def given_file(self, c: Children) -> tree.GivenFile:
        return tree.GivenFile(self._text(c[3]), _facts(c), self._span(c[:4]))

    def given_policy(self, c: Children) -> tree.GivenPolicy:
        return tree.GivenPolicy(tuple(c[5:-1:2]), self._span(c[:2]))

    def given_tag(self, c: Children) -> tree.GivenTag:
        return tree.GivenTag(self._name(c[1]), self._span(c))

    def given_held_out(self, c: Children) -> tree.GivenHeldOut:
        return tree.GivenHeldOut(None if c[4] is None else self._name(c[4]), self._span(c))

    def given_arm(self, c: Children) -> tree.GivenArm:
        split = tree.Name((str(c[5]), str(c[7])), self._between(c[5], c[7]))
        return tree.GivenArm(self._name(c[2]), split, self._span(c))

    def named_value(self, c: Children) -> tree.NamedValue:
        return tree.NamedValue(self._name(c[0]), self._cell(c[1]), self._span(c))

    def properties(self, c: Children) -> Children:
        return c

    def cases(self, c: Children) -> tree.Cases:
        return tree.Cases(tuple(c[4:-1:2]), self._span(c[:1]))

    def row(self, c: Children) -> tree.CaseRow:
        cells = tuple(cell if isinstance(cell, tree.Name) else self._value(cell) for cell in c[::2])
        return tree.CaseRow(cells, self._span(c))

    def some_dotted(self, c: Children) -> tree.Name:
        return self._name(c[0]) if c[2] is None else tree.Name((str(c[0]), str(c[2])), self._span(c))

    def _cell(self, token: Token) -> tree.Value | tree.Name:
        """A value, or the name of the column it stands in."""
        return self._name(token) if token.type == "PLACE" else self._value(token)

    def consent(self, c: Children) -> tree.Consent:
        return tree.Consent(c[-1], c[0] == "consents", self._span(c))

    def test_line(self, c: Children) -> tree.TestLine:
        match str(c[0]) if len(c) > 1 else "":
            case "at":
                at = self._name(c[1]) if c[1].type == "PLACE" else self._moment(c[1])
                return tree.TestLine(at, None, c[2], self._span(c))
            case "after":
                after = self._name(c[1]) if c[1].type == "PLACE" else self._duration(c[1])
                return tree.TestLine(None, after, c[2], self._span(c))
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
        return tree.SetOf(self._name(c[1]), self._name(c[3]), self._cell(c[5]), self._span(c))

    # --- what is expected ---------------------------------------------------------------------

    def because(self, c: Children) -> tree.Because:
        quoted = c[1].type == "STRING"
        return tree.Because(self._text(c[1]) if quoted else str(c[1]), quoted, self._span(c))

    def expect_message(self, c: Children) -> tree.ExpectMessage:
        message = None if c[2] is None else self._name(c[2])
        within = None if c[6] is None else self._duration(c[6][2])
        content = tuple(c[8::2])
        return tree.ExpectMessage(
            False, self._name(c[1]), message, self._who(c[4]), c[5], within, content, None, self._span(c)
        )

    def expect_no_message(self, c: Children) -> tree.ExpectMessage:
        message = None if c[3] is None else self._name(c[3])
        within = None if c[6] is None else self._duration(c[6][2])
        return tree.ExpectMessage(
            True, self._name(c[2]), message, self._name(c[5]), None, within, (), c[7], self._span(c)
        )

    def many(self, c: Children) -> tree.Many:
        number = self._name(c[0]) if c[0].type == "PLACE" else self._integer(c[0], 0, "a number of customers")
        return tree.Many(number, self._span(c))

    def content(self, c: Children) -> tree.Content:
        kind = "does not contain" if len(c) > 3 else str(c[1])  # noqa: PLR2004  # its words
        return tree.Content(str(c[0]), kind, self._cell(c[-1]), self._span(c))  # type: ignore[arg-type]  # by the grammar

    def _who(self, item: Child) -> tree.Name | tree.Many:
        return item if isinstance(item, tree.Many) else self._name(item)

    def expect_stage(self, c: Children) -> tree.ExpectStage:
        return tree.ExpectStage(self._who(c[1]), c[2] is not None, c[5], self._span(c))

    def expect_tagged(self, c: Children) -> tree.ExpectTagged:
        return tree.ExpectTagged(self._who(c[1]), c[2] is not None, self._name(c[4]), self._span(c))

    def expect_left(self, c: Children) -> tree.ExpectLeft:
        return tree.ExpectLeft(self._who(c[1]), self._name(c[3]), c[4], self._span(c))

    def expect_goal(self, c: Children) -> tree.ExpectGoal:
        return tree.ExpectGoal(self._who(c[1]), c[2] is not None, self._name(c[6]), self._span(c))

    def expect_value(self, c: Children) -> tree.ExpectValue:
        return tree.ExpectValue(self._name(c[1]), self._name(c[3]), self._cell(c[5]), self._span(c))


def _facts(c: Children) -> tuple[tree.GivenFact, ...]:
    return tuple(item for item in c if isinstance(item, tree.GivenFact))
