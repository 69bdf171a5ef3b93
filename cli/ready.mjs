// SPDX-License-Identifier: BSD-2-Clause
// Makes a clone ready to run: a Node that is new enough, the npm packages of package-lock.json, a bundle that is not
// older than its sources. What is ready already is left alone. Used by `npm start` (start.mjs) and `npm test` (test/run).
//
// This file and start.mjs are plain JavaScript without dependencies, of a kind that any Node since 12 can read far enough
// to say that it is too old: no `??`, no `?.`, no `await` outside of functions.
import { spawn, spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { constants } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** Ends the process with a message if the clone cannot be made ready. */
export async function makeReady() {
  refuseOldNode();
  if (!hasPackages()) await runNpm();
  // `npm ci` has built it in passing.
  if (!hasBundle()) bundle();
}

function bundle() {
  const bundler = join(root, 'make', 'bundle.mjs');
  const { status, signal } = spawnSync(process.execPath, [bundler], { stdio: 'inherit' });
  if (signal !== null) process.kill(process.pid, signal);
  if (status !== 0) process.exit(1);
}

const readJson = (...path) => {
  try {
    return JSON.parse(readFileSync(join(root, ...path), 'utf8'));
  } catch {
    return undefined; // absent, or written by half: as good as absent
  }
};

function refuseOldNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  const needed = readJson('package.json').engines.node.replace('>=', '');
  const [neededMajor, neededMinor] = needed.split('.').map(Number);
  if (major > neededMajor || (major === neededMajor && minor >= neededMinor)) return;
  const script = process.env.npm_lifecycle_event === 'test' ? 'test' : 'start';
  console.error(
    `vmbuild needs Node ${needed} or newer, and this is ${process.versions.node}; get one from ` +
      `https://nodejs.org/en/download, or try: npx -y -p node@22 npm ${script}`,
  );
  process.exit(1);
}

/** Whether node_modules holds what package-lock.json names; npm notes there what it has installed. */
function hasPackages() {
  const wanted = readJson('package-lock.json');
  const noted = readJson('node_modules', '.package-lock.json');
  if (noted === undefined) return false;
  return Object.entries(wanted.packages).every(([path, { version, integrity, optional }]) => {
    if (path === '') return true; // this package itself
    const found = noted.packages[path];
    // Of optional ones only those for this platform are installed.
    if (found === undefined) return optional === true;
    return found.version === version && found.integrity === integrity;
  });
}

/** Whether dist/ is there and newer than all that it is made of. */
function hasBundle() {
  const builtMs = changeMs(join(root, 'dist', 'vmbuild.cjs'));
  const newest = (path) => {
    const sources = readdirSync(path, { withFileTypes: true }).map((entry) => {
      if (entry.isDirectory()) return newest(join(path, entry.name));
      return /\.(ts|[cm]js)$/.test(entry.name) ? changeMs(join(path, entry.name)) : 0;
    });
    return Math.max(0, ...sources);
  };
  const parts = ['boards', 'cli', 'linux', 'make', 'meta'].map((name) => newest(join(root, name)));
  const files = ['Makefile.ts', 'package-lock.json'].map((name) => changeMs(join(root, name)));
  return builtMs > Math.max(...parts, ...files);
}

function changeMs(path) {
  try {
    return statSync(path).mtimeMs;
  } catch {
    return 0; // absent
  }
}

const graceMs = 5000;
const maxOutputCharacters = 64 * 1024;

/**
 * `npm ci`, its output shown only if it fails. It has a process group of its own, which ends with us; how we were ended
 * is how we end.
 */
function runNpm() {
  console.error('setup: npm ci (the packages of package-lock.json, into node_modules)');
  const args = ['ci', '--no-fund', '--no-audit', '--prefer-offline', '--loglevel=error'];
  // A network that is not there is noticed within seconds; npm's own patience is minutes.
  const patience = ['--fetch-retry-mintimeout=1000', '--fetch-retry-maxtimeout=5000'];
  let npm;
  let received;
  const killGroup = (signal) => {
    try {
      process.kill(-npm.pid, signal);
    } catch {
      // ESRCH: nothing of it is left.
    }
  };
  const onSignal = (signal) => {
    if (received !== undefined) return;
    received = signal;
    killGroup('SIGTERM');
    setTimeout(killGroup, graceMs, 'SIGKILL').unref();
  };
  // Before the start: a signal in between would leave npm behind.
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'];
  for (const signal of signals) process.on(signal, onSignal);
  npm = spawn('npm', [...args, ...patience], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  let output = '';
  for (const stream of [npm.stdout, npm.stderr])
    stream.on('data', (chunk) => {
      output = (output + chunk).slice(-maxOutputCharacters);
    });
  return new Promise((resolve) => {
    npm.on('error', (error) => {
      console.error(`setup: npm could not be started: ${error.message}`);
      process.exit(1);
    });
    npm.on('exit', () => {
      if (received !== undefined) killGroup('SIGKILL');
    });
    npm.on('close', (code) => {
      for (const signal of signals) process.removeListener(signal, onSignal);
      if (received !== undefined) {
        process.kill(process.pid, received);
        // In case that the signal is ignored here.
        process.exit(128 + constants.signals[received]);
      }
      if (code !== 0) {
        console.error(output.trimEnd());
        console.error(`setup: npm ci failed (exit code ${code}); mend what it says above, then try again`);
        process.exit(1);
      }
      resolve();
    });
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) void makeReady();
