// Starts `flowrules lsp` and lets the editor speak with it. What is right and wrong in the rules, only the program knows.
"use strict";

const fs = require("node:fs");
const path = require("node:path");
const vscode = require("vscode");
const { LanguageClient } = require("vscode-languageclient/node");

const WINDOWS = process.platform === "win32";
const NAME = WINDOWS ? "flowrules.exe" : "flowrules";
const VENV = path.join(".venv", WINDOWS ? "Scripts" : "bin");

let log;
let client;

/** Commands that came one after the other are carried out so: two servers at once would show every mistake twice. */
let last = Promise.resolve();

function isProgram(file) {
  try {
    fs.accessSync(file, fs.constants.X_OK);
    return fs.statSync(file).isFile();
  } catch {
    return false;
  }
}

const firstIn = (folders) => folders.map((each) => path.join(each, NAME)).find(isProgram);

function upwards(folder) {
  const above = path.dirname(folder);
  return above === folder ? [folder] : [folder, ...upwards(above)];
}

/** `{ program }`, or `{ missing }`: a sentence that says where it was looked for. */
function find() {
  const folders = (vscode.workspace.workspaceFolders ?? []).map((each) => each.uri.fsPath);
  const setting = vscode.workspace.getConfiguration("flowrules").get("path");
  if (setting) {
    const program = path.resolve(folders[0] ?? "", setting);
    return isProgram(program)
      ? { program }
      : { missing: `There is no program ${program}, which the setting flowrules.path names.` };
  }
  const near = [...new Set(folders.flatMap(upwards))].map((each) => path.join(each, VENV));
  const program = firstIn([...near, ...(process.env.PATH ?? "").split(path.delimiter).filter(path.isAbsolute)]);
  return program
    ? { program }
    : { missing: "The program flowrules was not found: neither in .venv of this folder or above it, nor on the PATH." };
}

async function start() {
  if (!vscode.workspace.isTrusted) return; // it may be a program of that folder
  const { program, missing } = find();
  if (missing) {
    log.error(missing);
    return void offer(missing); // not waited for: it stays until it is answered
  }
  log.info(`${program} lsp`);
  const cwd = vscode.workspace.workspaceFolders?.[0]?.uri.fsPath;
  client = new LanguageClient(
    "flowrules",
    "FlowRules",
    { command: program, args: ["lsp"], options: { cwd } },
    { documentSelector: [{ scheme: "file", language: "flowrules" }], outputChannel: log },
  );
  await client.start().catch((failure) => log.error(failure)); // the client has shown it
}

async function offer(sentence) {
  const answer = await vscode.window.showErrorMessage(`${sentence} Colours work without it.`, "Settings", "Try again");
  if (answer === "Settings") await vscode.commands.executeCommand("workbench.action.openSettings", "flowrules.path");
  if (answer === "Try again") await restart();
}

async function stop() {
  const old = client;
  client = undefined;
  await old?.dispose().catch((failure) => log.warn(failure)); // it had not started, or has ended by itself
}

function restart() {
  last = last.then(stop).then(start);
  return last;
}

function activate(context) {
  log = vscode.window.createOutputChannel("FlowRules", { log: true });
  context.subscriptions.push(
    log,
    vscode.commands.registerCommand("flowrules.restart", restart),
    vscode.commands.registerCommand("flowrules.log", () => log.show()),
    vscode.workspace.onDidGrantWorkspaceTrust(restart),
    vscode.workspace.onDidChangeConfiguration((changed) => changed.affectsConfiguration("flowrules.path") && restart()),
  );
  return restart();
}

function deactivate() {
  last = last.then(stop);
  return last;
}

module.exports = { activate, deactivate };
