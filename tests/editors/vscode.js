// Plays VS Code to the packaged extension: the part of its interface that a language client uses, and no window.
// node vscode.js EXTENSION '{"folder", "document", "setting", "trusted"}': what became of it, as JSON on stdout.
"use strict";

const Module = require("node:module");
const fs = require("node:fs");
const path = require("node:path");
const { pathToFileURL, fileURLToPath } = require("node:url");

const [extension, given] = process.argv.slice(2);
const { folder, document, setting, trusted } = JSON.parse(given);
const told = { log: [], errors: [], commands: [], diagnostics: [] };
const commands = new Map();
const listeners = { trust: [], configuration: [] };
let settings = { path: setting };
let news = () => {};

const disposable = () => ({ dispose() {} });
const event = () => disposable();

class EventEmitter {
  listeners = [];
  event = (listener) => (this.listeners.push(listener), disposable());
  fire = (value) => this.listeners.forEach((each) => each(value));
  dispose() {}
}
class Position {
  constructor(line, character) { Object.assign(this, { line, character }); }
}
class Range {
  constructor(a, b, c, d) {
    [this.start, this.end] = c === undefined ? [a, b] : [new Position(a, b), new Position(c, d)];
  }
}
class Diagnostic {
  constructor(range, message, severity) { Object.assign(this, { range, message, severity }); }
}
class Uri {
  scheme = "file";
  static parse = (text) => new Uri(text);
  static file = (name) => new Uri(pathToFileURL(name).href);
  constructor(text) { this.text = text; this.path = this.fsPath = fileURLToPath(text); }
  toString() { return this.text; }
}
class CodeActionKind {
  static Empty = new CodeActionKind("");
  constructor(value) { this.value = value; }
  append(more) { return new CodeActionKind(this.value ? `${this.value}.${more}` : more); }
}
class CancellationTokenSource {
  token = { isCancellationRequested: false, onCancellationRequested: event };
  cancel() { this.token.isCancellationRequested = true; }
  dispose() {}
}
const opened = {
  uri: Uri.file(path.join(folder, document)),
  languageId: "flowrules",
  version: 1,
  isClosed: false,
  getText: () => fs.readFileSync(path.join(folder, document), "utf8"),
};
const log = Object.fromEntries(
  ["trace", "debug", "info", "warn", "error", "append", "appendLine"].map((name) => [name, (text) => told.log.push(String(text))]),
);

const namespaces = {
  workspace: {
    isTrusted: trusted,
    workspaceFolders: [{ uri: Uri.file(folder), name: "shop", index: 0 }],
    textDocuments: [opened],
    notebookDocuments: [],
    getConfiguration: () => ({ get: (name, otherwise) => settings[name] ?? otherwise, inspect: () => undefined, has: () => false }),
    onDidGrantWorkspaceTrust: (listener) => (listeners.trust.push(listener), disposable()),
    onDidChangeConfiguration: (listener) => (listeners.configuration.push(listener), disposable()),
    getWorkspaceFolder: () => namespaces.workspace.workspaceFolders[0],
    createFileSystemWatcher: () => ({ onDidCreate: event, onDidChange: event, onDidDelete: event, dispose() {} }),
  },
  window: {
    createOutputChannel: () => ({ ...log, show() {}, dispose() {}, onDidChangeLogLevel: event }),
    showErrorMessage: async (text) => { told.errors.push(text); news(); },
    tabGroups: { all: [], onDidChangeTabs: event, onDidChangeTabGroups: event },
    visibleTextEditors: [{ document: opened }], // the client opens to its server what is visible
  },
  languages: {
    match: (selector, { languageId }) => ([selector].flat().some(({ language }) => language === languageId) ? 10 : 0),
    createDiagnosticCollection: () => ({
      set: (at, found) => {
        told.diagnostics.push(...found.map(({ code, message, range }) => ({
          file: path.relative(folder, at.fsPath), code: code?.value ?? code, message, line: range.start.line + 1,
        })));
        news();
      },
      delete() {}, clear() {}, dispose() {},
    }),
  },
  commands: {
    registerCommand: (name, does) => (commands.set(name, does), disposable()),
    executeCommand: async () => undefined,
  },
  env: { language: "en", appName: "test" },
};
const anything = (known) => new Proxy(known, {
  get: (target, name) => (name in target ? target[name] : typeof name === "string" && /^(on|register|create)[A-Z]/.test(name) ? event : undefined),
});
const vscode = {
  version: "1.91.0", EventEmitter, Position, Range, Diagnostic, Uri, CodeActionKind, CancellationTokenSource,
  DiagnosticSeverity: { Error: 0, Warning: 1, Information: 2, Hint: 3 },
  LogLevel: { Off: 0, Trace: 1, Debug: 2, Info: 3, Warning: 4, Error: 5 },
  ...Object.fromEntries(Object.entries(namespaces).map(([name, known]) => [name, anything(known)])),
};
// Every other name is a class, or a list of constants that nothing here looks into. Bundles copy names: all must be there.
for (const [, name] of fs.readFileSync(extension, "utf8").matchAll(/\.([A-Z]\w+)/g)) vscode[name] ??= class {};
const load = Module._load;
Module._load = (name, ...rest) => (name === "vscode" ? vscode : load(name, ...rest));

const heard = async (done) => { while (!done()) await new Promise((resolve) => { news = resolve; }); };

async function main() {
  const { activate, deactivate } = require(extension);
  const subscriptions = [];
  await activate({ subscriptions });
  told.commands = [...commands.keys()];
  if (trusted) {
    await heard(() => told.errors.length || told.diagnostics.length);
    told.before = told.diagnostics.length;
    if (told.errors.length) {
      settings = { path: "elsewhere/flowrules" };
      listeners.configuration.forEach((each) => each({ affectsConfiguration: (name) => name === "flowrules.path" }));
    } else {
      await commands.get("flowrules.restart")();
    }
    await heard(() => told.errors.length > 1 || told.diagnostics.length > told.before);
  }
  await deactivate();
  console.log(JSON.stringify(told));
}

// Whoever waits in vain says what was heard until then.
setTimeout(() => { console.error(JSON.stringify(told)); process.exit(1); }, 60_000).unref();
main().catch((failure) => { console.error(failure); process.exitCode = 1; });
