"""The language server: what an editor asks, answered from the files as they stand in it, saved or not.

Takes the protocol's requests on stdin; gives answers and diagnostics on stdout. The check is that of `flowrules check`.
Writes no file and opens no database.
"""

from __future__ import annotations

import asyncio
import os
import re
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from lsprotocol import types as lsp
from pygls.exceptions import JsonRpcInvalidParams
from pygls.lsp.server import LanguageServer
from pygls.uris import from_fs_path, to_fs_path

from flowrules import __version__
from flowrules.check import check
from flowrules.diagnostics.codes import CODES
from flowrules.editor.about import about
from flowrules.editor.suggest import suggested, typed
from flowrules.editor.words import Word, unusable, words
from flowrules.errors import FlowRulesError
from flowrules.files import FILE, find
from flowrules.source import Source, Span
from flowrules.syntax.layout import lay_out
from flowrules.syntax.parser import remains
from flowrules.syntax.reading import read
from flowrules.workspace import load, snapshot

if TYPE_CHECKING:
    from flowrules.diagnostics.model import Diagnostic
    from flowrules.model.snapshot import Snapshot

PAUSE = 0.25
"""Seconds without a key until what was typed is checked."""

_WATCHED = (f"**/{FILE}", "**/*.flow", "**/templates/**", "**/*.csv", "**/*.txt")
"""What may say what a workspace means."""
_RENAMED = ("segment", "stage")
_FORMERLY = re.compile(r"\bformerly\s+\w+\s*$")
_SEVERITY = {"error": lsp.DiagnosticSeverity.Error, "warning": lsp.DiagnosticSeverity.Warning}
_KINDS = {
    "word": lsp.CompletionItemKind.Keyword,
    "template": lsp.CompletionItemKind.File,
    "channel": lsp.CompletionItemKind.Interface,
}


@dataclass(slots=True)
class Desk:
    """A workspace as it stands in the editor: what was last found in it."""

    root: Path
    files: Snapshot | None = None
    words: list[Word] = field(default_factory=list)
    diagnostics: tuple[Diagnostic, ...] = ()
    told: set[str] = field(default_factory=set)
    uris: dict[str, str] = field(default_factory=dict)  # as the editor writes them, perhaps through a link
    pending: asyncio.TimerHandle | None = None

    def source(self, name: str) -> Source | None:
        return next((each for each in self.files.sources if each.name == name), None) if self.files else None

    def uri(self, name: str) -> str:
        return self.uris.get(name) or from_fs_path(str(self.root / name)) or ""


class Server(LanguageServer):
    def __init__(self) -> None:
        super().__init__("flowrules", __version__)
        self.desks: dict[Path, Desk] = {}

    # --- where things are ---------------------------------------------------------------------

    def desk(self, uri: str) -> tuple[Desk, str] | None:
        """The workspace a document belongs to, and its name there."""
        path = to_fs_path(uri)
        if path is None:
            return None
        file = Path(path).resolve()
        root = find(file.parent)
        if not isinstance(root, Path):
            return None
        desk = self.desks.setdefault(root, Desk(root))
        name = file.relative_to(root).as_posix()
        desk.uris[name] = uri
        return desk, name

    def range(self, span: Span) -> lsp.Range:
        return lsp.Range(
            self._position(span.source, span.start), self._position(span.source, max(span.start, span.end))
        )

    def _position(self, source: Source, offset: int) -> lsp.Position:
        begin = source.text.rfind("\n", 0, offset) + 1
        units = self.workspace.position_codec.client_num_units(source.text[begin:offset])
        return lsp.Position(source.text.count("\n", 0, begin), units)

    def offset(self, text: str, position: lsp.Position) -> int:
        begin = 0
        for _ in range(position.line):
            begin = text.find("\n", begin) + 1
        end = text.find("\n", begin)
        units, codec = 0, self.workspace.position_codec
        for at in range(begin, len(text) if end < 0 else end):
            if units >= position.character:
                return at
            units += codec.client_num_units(text[at])
        return len(text) if end < 0 else end

    # --- the check ----------------------------------------------------------------------------

    def changed(self, uri: str) -> None:
        """Check the workspace once nobody types."""
        if (found := self.desk(uri)) is None:
            return
        desk = found[0]
        if desk.pending is not None:
            desk.pending.cancel()
        desk.pending = asyncio.get_running_loop().call_later(PAUSE, self.check, desk)

    def fresh(self, uri: str) -> tuple[Desk, str] | None:
        """The same, with what was typed taken in."""
        found = self.desk(uri)
        if found is not None and (found[0].files is None or found[0].pending is not None):
            self.check(found[0])
        return found

    def check(self, desk: Desk) -> None:
        if desk.pending is not None:
            desk.pending.cancel()
            desk.pending = None
        try:
            self._look(desk)
        except (FlowRulesError, OSError) as failure:
            self.window_show_message(lsp.ShowMessageParams(lsp.MessageType.Error, str(failure)))
            return
        by_file: dict[str, list[lsp.Diagnostic]] = {}
        for each in desk.diagnostics:
            by_file.setdefault(each.span.source.name, []).append(self.told(desk, each))
        for name in sorted({*by_file, *desk.told}):
            self.text_document_publish_diagnostics(lsp.PublishDiagnosticsParams(desk.uri(name), by_file.get(name, [])))
        desk.told = set(by_file)

    def _look(self, desk: Desk) -> None:
        workspace, wrong = load(desk.root)
        if workspace is None:
            desk.diagnostics = wrong
            return
        desk.files = snapshot(workspace, self._unsaved(desk))
        trees = []
        for source in desk.files.sources:
            tree, problems = read(source)
            trees += [tree, *(left.file for left in (remains(source) if problems else ()))]
        desk.words = words(trees)
        desk.diagnostics = check(desk.files).diagnostics

    def _unsaved(self, desk: Desk) -> dict[str, str]:
        found = {}
        for uri, document in self.workspace.text_documents.items():
            path = to_fs_path(uri)
            if path is not None and Path(path).resolve().is_relative_to(desk.root):
                found[Path(path).resolve().relative_to(desk.root).as_posix()] = document.source
        return found

    def told(self, desk: Desk, found: Diagnostic) -> lsp.Diagnostic:
        message = found.message if found.hint is None else f"{found.message}\n{found.hint}"
        return lsp.Diagnostic(
            range=self.range(found.span),
            message=message,
            severity=_SEVERITY[found.severity],
            code=found.code,
            source="flowrules",
            related_information=[
                lsp.DiagnosticRelatedInformation(
                    lsp.Location(desk.uri(label.span.source.name), self.range(label.span)), label.text
                )
                for label in found.labels
            ],
        )

    # --- what is asked ------------------------------------------------------------------------

    def word(self, uri: str, position: lsp.Position) -> tuple[Desk, Word] | None:
        found = self.fresh(uri)
        if found is None or (source := found[0].source(found[1])) is None:
            return None
        for word in found[0].words:
            if word.span.source.name != source.name:
                continue
            place = self.range(word.span)  # of a block that can not be read only lines and columns are the author's
            if place.start <= position <= place.end:
                return found[0], word
        return None

    def declared(self, desk: Desk, word: Word) -> list[Word]:
        return [each for each in desk.words if each.whole and (each.kind, each.name) == (word.kind, word.name)]


server = Server()


@server.feature(lsp.TEXT_DOCUMENT_DID_OPEN)
@server.feature(lsp.TEXT_DOCUMENT_DID_CHANGE)
@server.feature(lsp.TEXT_DOCUMENT_DID_SAVE)
@server.feature(lsp.TEXT_DOCUMENT_DID_CLOSE)
async def changed(
    params: lsp.DidOpenTextDocumentParams
    | lsp.DidChangeTextDocumentParams
    | lsp.DidSaveTextDocumentParams
    | lsp.DidCloseTextDocumentParams,
) -> None:
    server.changed(params.text_document.uri)


@server.feature(lsp.TEXT_DOCUMENT_FORMATTING)
def formatting(params: lsp.DocumentFormattingParams) -> list[lsp.TextEdit] | None:
    source = Source("-", server.workspace.get_text_document(params.text_document.uri).source)
    laid = lay_out(source)
    if not isinstance(laid, str) or laid == source.text:
        return None
    return [lsp.TextEdit(server.range(Span(source, 0, len(source.text))), laid)]


@server.feature(lsp.TEXT_DOCUMENT_HOVER)
def hover(params: lsp.HoverParams) -> lsp.Hover | None:
    """What is wrong here, explained, and the declaration of the name; else what the word of the language means."""
    uri, position = params.text_document.uri, params.position
    found = server.fresh(uri)
    parts = []
    if found is not None and (source := found[0].source(found[1])) is not None:
        at = server.offset(source.text, position)
        wrong = [each for each in found[0].diagnostics if each.span.source.name == source.name]
        codes = {each.code for each in wrong if each.span.start <= at <= each.span.end}
        parts += [f"**{code}: {CODES[code].title}**\n\n{CODES[code].text}" for code in sorted(codes) if code in CODES]
    if (named := server.word(uri, position)) is not None:
        desk, word = named
        parts += [
            f"```flow\n{each.whole.text.rstrip()}\n```\n{each.whole.place}"
            for each in server.declared(desk, word)
            if each.whole is not None
        ]
    if not parts:
        text = server.workspace.get_text_document(uri).source
        at = server.offset(text, position)
        begin = text.rfind("\n", 0, at) + 1
        said = about(text[begin:].partition("\n")[0], at - begin)
        parts += [said] if said is not None else []
    return lsp.Hover(lsp.MarkupContent(lsp.MarkupKind.Markdown, "\n\n---\n\n".join(parts))) if parts else None


@server.feature(lsp.TEXT_DOCUMENT_DEFINITION)
def definition(params: lsp.DefinitionParams) -> list[lsp.Location] | None:
    found = server.word(params.text_document.uri, params.position)
    if found is None:
        return None
    desk, word = found
    return [
        lsp.Location(desk.uri(each.span.source.name), server.range(each.span)) for each in server.declared(desk, word)
    ]


@server.feature(lsp.TEXT_DOCUMENT_COMPLETION, lsp.CompletionOptions(trigger_characters=[" ", "."]))
def completion(params: lsp.CompletionParams) -> lsp.CompletionList:
    document = server.workspace.get_text_document(params.text_document.uri)
    before, _ = typed(document.source[: server.offset(document.source, params.position)])
    found = server.fresh(params.text_document.uri)
    desk = found[0] if found is not None else Desk(Path())
    items = [
        lsp.CompletionItem(each.text, kind=_KINDS.get(each.kind, lsp.CompletionItemKind.Reference), detail=each.kind)
        for each in suggested(before, desk.words, desk.files)
    ]
    return lsp.CompletionList(is_incomplete=False, items=items)


@server.feature(lsp.TEXT_DOCUMENT_CODE_ACTION, lsp.CodeActionOptions(code_action_kinds=[lsp.CodeActionKind.QuickFix]))
def code_actions(params: lsp.CodeActionParams) -> list[lsp.CodeAction]:
    found = server.fresh(params.text_document.uri)
    if found is None:
        return []
    desk, name = found
    actions = []
    for each in desk.diagnostics:
        here = server.range(each.span)
        apart = here.end < params.range.start or params.range.end < here.start
        if each.span.source.name != name or apart:
            continue
        for fix in each.fixes:
            changes: dict[str, list[lsp.TextEdit]] = {}
            for edit in fix.edits:
                at = lsp.TextEdit(server.range(edit.span), edit.text)
                changes.setdefault(desk.uri(edit.span.source.name), []).append(at)
            actions.append(
                lsp.CodeAction(
                    fix.title,
                    kind=lsp.CodeActionKind.QuickFix,
                    diagnostics=[server.told(desk, each)],
                    is_preferred=fix.safe,
                    edit=lsp.WorkspaceEdit(changes=changes),
                )
            )
    return actions


@server.feature(lsp.TEXT_DOCUMENT_PREPARE_RENAME)
def prepare_rename(params: lsp.PrepareRenameParams) -> lsp.Range | None:
    """Segments, and stages, which remember what they were called: by other names the database, files of data and
    templates know what they stand for.
    """
    found = server.word(params.text_document.uri, params.position)
    if found is None or found[1].kind not in _RENAMED or not server.declared(*found):
        return None
    return server.range(found[1].span)


@server.feature(lsp.TEXT_DOCUMENT_RENAME, lsp.RenameOptions(prepare_provider=True))
def rename(params: lsp.RenameParams) -> lsp.WorkspaceEdit | None:
    found = server.word(params.text_document.uri, params.position)
    if found is None or found[1].kind not in _RENAMED or not server.declared(*found):
        return None
    desk, word = found
    if any(each.severity == "error" for each in desk.diagnostics):
        raise JsonRpcInvalidParams("the rules have mistakes: mend them first, for a name in them could be missed")
    if (wrong := unusable(params.new_name, word, desk.words)) is not None:
        raise JsonRpcInvalidParams(wrong)
    declared = [each.whole for each in server.declared(desk, word) if each.whole is not None and word.kind == "stage"]
    if any(_FORMERLY.search(each.text) for each in declared):
        raise JsonRpcInvalidParams("it has a former name: whether it was deployed by the one it has now only you know")
    changes: dict[str, list[lsp.TextEdit]] = {}
    for each in desk.words:
        if (each.kind, each.name) == (word.kind, word.name):
            owner, dot, _ = each.span.text.rpartition(".")
            edit = lsp.TextEdit(server.range(each.span), f"{owner}{dot}{params.new_name}")
            changes.setdefault(desk.uri(each.span.source.name), []).append(edit)
    for head in declared:
        end = lsp.Range(server.range(head).end, server.range(head).end)
        edit = lsp.TextEdit(end, f" formerly {word.name.rpartition('.')[2]}")
        changes.setdefault(desk.uri(head.source.name), []).append(edit)
    return lsp.WorkspaceEdit(changes=changes)


@server.feature(lsp.INITIALIZED)
async def initialized(_: lsp.InitializedParams) -> None:
    """Ask to be told of files that another program changes: git, or an editor of templates."""
    workspace = server.client_capabilities.workspace
    watched = workspace.did_change_watched_files if workspace is not None else None
    if watched is None or not watched.dynamic_registration:
        return
    options = lsp.DidChangeWatchedFilesRegistrationOptions([lsp.FileSystemWatcher(each) for each in _WATCHED])
    wanted = lsp.Registration("files", lsp.WORKSPACE_DID_CHANGE_WATCHED_FILES, options)
    await server.client_register_capability_async(lsp.RegistrationParams([wanted]))


@server.feature(lsp.WORKSPACE_DID_CHANGE_WATCHED_FILES)
async def changed_on_disk(params: lsp.DidChangeWatchedFilesParams) -> None:
    for each in params.changes:
        server.changed(each.uri)


def serve() -> None:
    # The server closes what it writes to, and the program flushes its stdout at its end.
    with os.fdopen(os.dup(sys.stdout.fileno()), "wb") as stdout:
        server.start_io(stdout=stdout)
