// SPDX-License-Identifier: BSD-2-Clause
// Which commit is checked out, read from git's own files: asking git would start a process in every build.
import { readFileSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';

const commitPattern = /^[0-9a-f]{40}$/;
/** A symbolic reference leads to another; git's own limit is 5. */
const maxLinks = 5;

/** 40 hex digits; undefined if `directory` is no checkout, or its files are not as we know them. */
export function readGitHead(directory: string): string | undefined {
  try {
    const gitDir = findGitDir(directory);
    // A worktree keeps its HEAD itself and the branches with the main checkout.
    const common = readText(join(gitDir, 'commondir'));
    const commonDir = common === undefined ? gitDir : resolve(gitDir, common);
    let head = readText(join(gitDir, 'HEAD'));
    for (let links = 0; links < maxLinks && head !== undefined; links += 1) {
      if (commitPattern.test(head)) return head;
      const name = /^ref: (refs\/\S+)$/.exec(head)?.[1];
      if (name === undefined || name.split('/').includes('..')) return undefined;
      head = readText(join(gitDir, name)) ?? readText(join(commonDir, name)) ?? readPacked(commonDir, name);
    }
    return undefined;
  } catch {
    return undefined; // not there, or not readable: the commit is not known, that is all
  }
}

/** `.git` is a directory, or in submodules and worktrees a file that names one. */
function findGitDir(directory: string): string {
  const dotGit = join(directory, '.git');
  if (statSync(dotGit).isDirectory()) return dotGit;
  return resolve(directory, /^gitdir: (.*)$/.exec(readText(dotGit) ?? '')?.[1] ?? '');
}

function readPacked(commonDir: string, name: string): string | undefined {
  const lines = readText(join(commonDir, 'packed-refs'))?.split('\n') ?? [];
  return lines.find((line) => line.endsWith(` ${name}`))?.slice(0, 40);
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').trimEnd();
  } catch {
    return undefined;
  }
}
