"""An editor and the language server, speaking over real pipes."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from lsprotocol import types as lsp
from pygls.lsp.client import LanguageClient

PATIENCE = 20
FLOWRULES = Path(sys.executable).parent / "flowrules"


class Editor:
    def __init__(self, root: Path) -> None:
        self.root = root
        self.client: Any = LanguageClient("editor", "1")  # typed in part
        self.diagnostics: dict[str, list[lsp.Diagnostic]] = {}
        self.said: list[str] = []
        self.watched: list[str] = []
        self._news = asyncio.Event()
        self._version = 0

        def published(params: lsp.PublishDiagnosticsParams) -> None:
            self.diagnostics[params.uri.removeprefix(f"{root.resolve().as_uri()}/")] = list(params.diagnostics)
            self._news.set()

        def shown(params: lsp.ShowMessageParams) -> None:
            self.said.append(params.message)
            self._news.set()

        def asked(params: lsp.RegistrationParams) -> None:
            for each in params.registrations:
                options: Any = each.register_options
                self.watched += [watcher["globPattern"] for watcher in options["watchers"]]
            self._news.set()

        self.client.feature(lsp.CLIENT_REGISTER_CAPABILITY)(asked)
        self.client.feature(lsp.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS)(published)
        self.client.feature(lsp.WINDOW_SHOW_MESSAGE)(shown)

    def uri(self, name: str) -> str:
        return (self.root / name).resolve().as_uri()

    def document(self, name: str) -> lsp.TextDocumentIdentifier:
        return lsp.TextDocumentIdentifier(self.uri(name))

    def text(self, name: str) -> str:
        return (self.root / name).read_text(encoding="utf-8")

    def open(self, name: str, text: str | None = None) -> None:
        content = self.text(name) if text is None else text
        item = lsp.TextDocumentItem(self.uri(name), "flowrules", 0, content)
        self.client.text_document_did_open(lsp.DidOpenTextDocumentParams(item))

    def type(self, name: str, text: str) -> None:
        """The whole text anew, unsaved."""
        self._version += 1
        document = lsp.VersionedTextDocumentIdentifier(self._version, self.uri(name))
        change = lsp.TextDocumentContentChangeWholeDocument(text)
        self.client.text_document_did_change(lsp.DidChangeTextDocumentParams(document, [change]))

    async def found(self, name: str, *codes: str) -> list[lsp.Diagnostic]:
        """Wait until exactly these mistakes are shown in a file."""
        await self.until(lambda: [str(each.code) for each in self.diagnostics.get(name, [])] == list(codes))
        return self.diagnostics.get(name, [])

    async def until(self, done: Callable[[], object]) -> None:
        async with asyncio.timeout(PATIENCE):
            while not done():
                self._news.clear()
                await self._news.wait()


CAN_WATCH = lsp.ClientCapabilities(
    workspace=lsp.WorkspaceClientCapabilities(
        did_change_watched_files=lsp.DidChangeWatchedFilesClientCapabilities(dynamic_registration=True)
    )
)


def session(root: Path, play: Callable[[Editor], Awaitable[None]]) -> None:
    async def run() -> None:
        editor = Editor(root)
        client = editor.client
        await client.start_io(str(FLOWRULES), "lsp")
        await client.initialize_async(lsp.InitializeParams(CAN_WATCH, root_uri=root.as_uri(), process_id=None))
        client.initialized(lsp.InitializedParams())
        await play(editor)
        await client.shutdown_async(None)
        client.exit(None)
        await asyncio.wait_for(client.stop(), PATIENCE)
        assert client._server.returncode == 0

    asyncio.run(run())


def place(text: str, words: str, within: int = 0) -> lsp.Position:
    """Of the first letter of words in a text."""
    at = text.index(words) + within
    return lsp.Position(text.count("\n", 0, at), at - text.rfind("\n", 0, at) - 1)
