"""What programs see."""

from __future__ import annotations

from flowrules.diagnostics.json import as_dict
from flowrules.source import Source
from flowrules.syntax.parser import parse


def test_keys_and_places() -> None:
    (found,) = parse(Source("rules/a.flow", "event login\nsegmnt x: has login\n"))[1]
    place = {"file": "rules/a.flow", "line": 2, "column": 1, "end_line": 2, "end_column": 7}
    assert as_dict(found) == {
        "code": "FR012",
        "severity": "error",
        "message": "`segmnt` is not known here",
        **place,
        "hint": "did you mean `segment`?",
        "labels": [],
        "fixes": [{"title": "change to `segment`", "safe": False, "edits": [{**place, "text": "segment"}]}],
    }


def test_an_insertion_begins_where_it_ends() -> None:
    (found,) = parse(Source("a.flow", "segment x has login"))[1]
    (edit,) = as_dict(found)["fixes"][0]["edits"]
    assert (edit["line"], edit["column"], edit["end_column"], edit["text"]) == (1, 10, 10, ":")
