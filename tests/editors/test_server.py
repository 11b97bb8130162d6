"""`flowrules lsp` as an editor meets it."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest
from lsprotocol import types as lsp
from pygls.exceptions import JsonRpcException

from flowrules.editor.about import ABOUT
from tests.editors.session import FLOWRULES, Editor, place, session

WELCOME = "rules/welcome.flow"
TESTS = "rules/welcome_test.flow"


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    subprocess.run([FLOWRULES, "--quiet", "init", tmp_path / "shop"], check=True, stdout=subprocess.DEVNULL)
    return tmp_path / "shop"


def test_mistakes_as_they_are_typed(shop: Path) -> None:
    async def play(editor: Editor) -> None:
        text = editor.text(WELCOME)
        editor.open(WELCOME)
        editor.type(WELCOME, text.replace("send email reminder", "send email remindr"))
        (wrong,) = await editor.found(WELCOME, "FR310")
        assert wrong.severity == lsp.DiagnosticSeverity.Error
        assert wrong.range.start == place(text, "reminder\n        wait 7 days")
        actions = await editor.client.text_document_code_action_async(
            lsp.CodeActionParams(editor.document(WELCOME), wrong.range, lsp.CodeActionContext([wrong]))
        )
        (action,) = actions or []
        assert isinstance(action, lsp.CodeAction)
        assert action.title == "change to `reminder`"
        assert action.edit is not None
        ((edit,),) = (action.edit.changes or {}).values()
        assert (edit.range, edit.new_text) == (wrong.range, "reminder")
        editor.type(WELCOME, text)
        await editor.found(WELCOME)
        assert editor.text(WELCOME) == text

    session(shop, play)


def test_a_mistake_shows_in_every_file_it_concerns(shop: Path) -> None:
    async def play(editor: Editor) -> None:
        editor.open(WELCOME)
        editor.type(WELCOME, editor.text(WELCOME).replace("event signed_up", "event signed_in"))
        await editor.found(WELCOME, "FR102")
        editor.type(WELCOME, editor.text(WELCOME))
        await editor.found(WELCOME)
        editor.open("rules/new.flow", 'segment é "🎸": in segment lost\n')  # not saved yet
        await editor.found("rules/new.flow", "FR006")
        editor.type("rules/new.flow", 'segment x "🎸": in segment lost\n')
        (wrong,) = await editor.found("rules/new.flow", "FR104")
        assert wrong.range.start.character == len('segment x "🎸": in segment ') + 1  # in UTF-16

    session(shop, play)


def test_a_workspace_behind_a_link(shop: Path) -> None:
    (shop.parent / "link").symlink_to(shop)

    async def play(editor: Editor) -> None:
        uri = (shop.parent / "link" / "rules" / "bad.flow").as_uri()
        item = lsp.TextDocumentItem(uri, "flowrules", 0, "segment x: in segment lost\n")
        editor.client.text_document_did_open(lsp.DidOpenTextDocumentParams(item))
        await editor.found(uri, "FR104")

    session(shop, play)


def test_what_the_world_does_ends_nothing(shop: Path) -> None:
    async def play(editor: Editor) -> None:
        (shop / "rules" / "gone.flow").symlink_to("nowhere")
        editor.open(WELCOME)
        await editor.until(lambda: editor.said)
        assert "leads nowhere" in editor.said[0]
        (shop / "rules" / "gone.flow").unlink()
        editor.type(WELCOME, "campaign\n")
        await editor.found(WELCOME, "FR013")

    session(shop, play)


def test_the_layout(shop: Path) -> None:
    async def play(editor: Editor) -> None:
        options = lsp.FormattingOptions(4, insert_spaces=True)
        asked = lsp.DocumentFormattingParams(editor.document(WELCOME), options)
        editor.open(WELCOME)
        assert await editor.client.text_document_formatting_async(asked) is None
        editor.type(WELCOME, editor.text(WELCOME).replace("wait 7 days", "wait   7  days"))
        (edit,) = await editor.client.text_document_formatting_async(asked) or []
        assert edit.new_text == editor.text(WELCOME)
        assert edit.range.start == lsp.Position(0, 0)
        editor.type(WELCOME, "campaign  \n")
        assert await editor.client.text_document_formatting_async(asked) is None

    session(shop, play)


def test_where_a_name_is_declared(shop: Path) -> None:
    async def play(editor: Editor) -> None:
        welcome, tests = editor.text(WELCOME), editor.text(TESTS)
        editor.open(TESTS)
        for words, within, declared in [
            ("signed_up", 0, "signed_up"),
            ("welcome.reminder", 10, 'reminder "Not'),
            ("left welcome", 6, "welcome"),
        ]:
            position = place(tests, words, within)
            found = await editor.client.text_document_definition_async(
                lsp.DefinitionParams(editor.document(TESTS), position)
            )
            assert isinstance(found, list)
            (there,) = found
            assert isinstance(there, lsp.Location)
            assert there.uri == editor.uri(WELCOME)
            assert there.range.start == place(welcome, declared)
        hover = await editor.client.text_document_hover_async(
            lsp.HoverParams(editor.document(TESTS), place(tests, "purchase"))
        )
        assert hover is not None
        assert isinstance(hover.contents, lsp.MarkupContent)
        assert "event purchase:\n    amount: money" in hover.contents.value
        assert "rules/welcome.flow:6" in hover.contents.value
        hover = await editor.client.text_document_hover_async(
            lsp.HoverParams(editor.document(WELCOME), place(welcome, "enter when"))
        )
        assert hover is not None
        assert isinstance(hover.contents, lsp.MarkupContent)
        assert hover.contents.value == f"`enter when`: {ABOUT['enter when']}"
        editor.type(TESTS, tests.replace("signed_up", "signd_up", 1))
        hover = await editor.client.text_document_hover_async(
            lsp.HoverParams(editor.document(TESTS), place(tests, "signed_up", 1))
        )
        assert hover is not None
        assert isinstance(hover.contents, lsp.MarkupContent)
        assert "FR102" in hover.contents.value

    session(shop, play)


SEGMENTS = """\
segment fans: tagged fan
segment others: not in segment fans
"""


def test_a_segment_gets_another_name(shop: Path) -> None:
    async def play(editor: Editor) -> None:
        (shop / "rules" / "segments.flow").write_text(SEGMENTS)
        welcome = editor.text(WELCOME).replace("    enter when", "    exclude segment fans\n    enter when")
        editor.open(WELCOME)
        editor.type(WELCOME, welcome)

        def asked(name: str, words: str = "fans") -> lsp.RenameParams:
            return lsp.RenameParams(editor.document(WELCOME), place(welcome, words), name)

        edit = await editor.client.text_document_rename_async(asked("friends"))
        assert edit is not None
        assert {uri: len(edits) for uri, edits in (edit.changes or {}).items()} == {
            editor.uri("rules/segments.flow"): 2,
            editor.uri(WELCOME): 1,
        }
        for name in ("purchase", "if", "2x", "others"):
            with pytest.raises(JsonRpcException, match=name):
                await editor.client.text_document_rename_async(asked(name))
        assert await editor.client.text_document_rename_async(asked("bought", "purchase")) is None

    session(shop, play)


STAGES = """\
campaign ways:
    migrate:
        from "first/wait" move to "first/send email welcome"
        from stage second move to stage first
    class marketing
    enter when signed_up
    stage first "A stage, formerly":
        send email welcome
        wait 1 day
        go to second
        on purchase go to first
    stage second:
        wait 2 days
        if not in stage ways.first go to first
        go to third
    stage third formerly last:
        exit "end"
"""
RENAMED = (
    STAGES.replace("go to first", "go to begin")
    .replace("ways.first", "ways.begin")
    .replace('move to "first/', 'move to "begin/')
    .replace("move to stage first", "move to stage begin")
    .replace('stage first "A stage, formerly":', 'stage begin "A stage, formerly" formerly first:')
)


def test_a_stage_gets_another_name_and_keeps_the_old_one(shop: Path) -> None:
    """Those inside find it by that; a line of `migrate` begins where they were, and leads to where it is now."""

    async def play(editor: Editor) -> None:
        name = "rules/ways.flow"
        (shop / name).write_text(STAGES)
        editor.open(name)

        def asked(words: str, to: str, skip: int = 0) -> lsp.RenameParams:
            return lsp.RenameParams(editor.document(name), place(STAGES, words, skip), to)

        second = STAGES.replace("go to second", "go to begin").replace("stage second:", "stage begin formerly second:")
        places = [("first/send", RENAMED), ('first "', RENAMED), ("second\n        on", second)]
        for at, becomes in places:
            found = await editor.client.text_document_rename_async(asked(at, "begin"))
            assert found is not None
            assert found.changes is not None
            assert set(found.changes) == {editor.uri(name)}
            assert changed(STAGES, found.changes[editor.uri(name)]) == becomes
        for words, to, why in [("third", "end", "former name"), ('first "', "second", "declared already")]:
            with pytest.raises(JsonRpcException, match=why):
                await editor.client.text_document_rename_async(asked(words, to))

    session(shop, play)


def changed(text: str, edits: Sequence[lsp.TextEdit]) -> str:
    """As an editor does it, from the last to the first."""
    lines = text.splitlines(keepends=True)
    for edit in sorted(edits, key=lambda each: (each.range.start.line, each.range.start.character), reverse=True):
        line, start, end = edit.range.start.line, edit.range.start.character, edit.range.end.character
        lines[line] = lines[line][:start] + edit.new_text + lines[line][end:]
    return "".join(lines)


def test_what_may_be_written_next(shop: Path) -> None:
    async def play(editor: Editor) -> None:
        welcome = editor.text(WELCOME)
        editor.open(WELCOME)
        for start, some, never in [
            ("        send ", {"email", "first"}, {"sms", "wait", "purchase"}),
            ("        send email re", {"welcome", "reminder"}, {"email"}),
            ("        go to ", {"hello", "reminder"}, {"purchase", "wait"}),
            ("        wait for ", {"purchase", "signed_up", "a"}, {"hello"}),
            ("        ", {"send", "wait", "if", "exit", "split"}, {"goal", "campaign", "purchase"}),
            ("        if ", {"first_name", "in", "not"}, {"send", "purchase"}),
            ("        # ", set(), {"send"}),
            ("    ", {"stage"}, {"send"}),
            ("", {"campaign", "segment"}, {"send", "stage"}),
        ]:
            editor.type(WELCOME, welcome + start)
            at = lsp.Position(welcome.count("\n"), len(start))
            found = await editor.client.text_document_completion_async(
                lsp.CompletionParams(editor.document(WELCOME), at)
            )
            assert isinstance(found, lsp.CompletionList)
            labels = {item.label for item in found.items}
            assert some <= labels, start
            assert not never & labels, start

    session(shop, play)


def test_what_another_program_changes_is_checked_anew(shop: Path) -> None:
    async def play(editor: Editor) -> None:
        editor.open(WELCOME)
        await editor.until(lambda: "**/templates/**" in editor.watched)
        template = "templates/email/welcome.txt"
        (shop / template).unlink()
        gone = lsp.FileEvent(editor.uri(template), lsp.FileChangeType.Deleted)
        editor.client.workspace_did_change_watched_files(lsp.DidChangeWatchedFilesParams([gone]))
        await editor.found(WELCOME, "FR310")

    session(shop, play)
