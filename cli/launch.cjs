#!/usr/bin/env node
// SPDX-License-Identifier: BSD-2-Clause
// What `vmbuild` is in dist/. A quick command is over before Node has found and compiled an ordinary program's modules: it
// is one script, and what the engine has compiled of it is kept beside it for the next runs (Node 22 does so itself with
// module.enableCompileCache; Node 20 does not). Nothing depends on what is kept: where it is absent, cannot be written or
// is of another engine, which the engine sees, the script is compiled anew. All other commands are modules.
'use strict';
const { mkdirSync, readFileSync, renameSync, writeFileSync } = require('node:fs');
const path = require('node:path');
const { pathToFileURL } = require('node:url');
const { Script } = require('node:vm');

/** From make/bundle-quick.mjs: the commands in the script, and what changes with its content. */
const { commands, id } = QUICK;

const [, , command = ''] = process.argv;
if (!commands.includes(command) || !runScript()) void import('./run.js');

/** False if the script does not take the line. */
function runScript() {
  const url = pathToFileURL(path.join(__dirname, 'quick.cjs'));
  const directory = path.join(__dirname, 'compiled');
  // Another command needs other functions. The engine compares itself, but of the script only the length.
  const kept = path.join(directory, `${command}-${id}-${process.version}-${process.arch}`);
  // It is ASCII: esbuild escapes everything else.
  const script = new Script(readFileSync(url, 'latin1'), { filename: url.href, cachedData: read(kept) });
  const { runQuick } = script.runInThisContext()((name) => process.getBuiltinModule(name), url.href);
  if (!runQuick()) return false;
  if (script.cachedDataRejected !== false)
    process.once('exit', () => keep(directory, kept, script.createCachedData()));
  return true;
}

function read(kept) {
  try {
    return readFileSync(kept);
  } catch {
    return undefined;
  }
}

/** Renamed into place: another run may read it at any time. */
function keep(directory, kept, code) {
  try {
    mkdirSync(directory, { recursive: true });
    writeFileSync(`${kept}.${process.pid}`, code);
    renameSync(`${kept}.${process.pid}`, kept);
  } catch {
    // A package that may not be written, or a full disk: the next run compiles again.
  }
}
