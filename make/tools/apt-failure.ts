// SPDX-License-Identifier: BSD-2-Clause
// What apt-get's and sudo's words mean when an installation fails. Strings of apt 2.6 to 3.0, dpkg 1.21 and sudo 1.9.
import type { Diagnostic } from '../../meta/diagnostic.ts';

export interface AptFailure extends Pick<Diagnostic, 'code'> {
  readonly hint: string;
  /** Its own words. */
  readonly said: string;
  /** The last lines of all it printed. */
  readonly tail: readonly string[];
}

export interface EndedInstall {
  /** All that it printed. */
  readonly lines: readonly string[];
  readonly code?: number;
  readonly reason?: string;
}

/** Of dnf and Homebrew: what is sudo's or the disk's is known; the rest they say in their own words. */
export function judgeOther(manager: string, ended: EndedInstall): AptFailure {
  const known = judgeApt(ended);
  if (known.code === sudoRefused || known.code === 'SETUP106') return known;
  const error = ended.lines.find((line) => /^error: /i.test(line));
  return {
    ...known,
    code: 'SETUP120',
    hint: `mend what ${manager} says, then try again`,
    said: error?.replace(/^error: +/i, '') ?? known.said,
  };
}

/** Judges an installation by all that it printed and how it ended. */
export function judgeApt({ lines, code, reason }: EndedInstall): AptFailure {
  const verdict = verdicts.find(({ pattern }) => lines.some((line) => pattern.test(line))) ?? unknown;
  const errors = lines.filter((line) => /^(E|W|sudo|dpkg): /.test(line));
  // What the verdict follows from comes first; the other lines may only sum up.
  const telling = errors.filter((line) => verdict.pattern.test(line));
  const said = [...new Set([...telling, ...errors.filter((line) => !line.startsWith('W: '))])]
    .slice(0, maxSaidLines)
    .map((line) =>
      line
        .replace(/^[EW]: +/, '')
        .replaceAll(/ +/g, ' ')
        .trim(),
    );
  const ending = code === undefined ? `it ended by ${reason ?? 'unknown'}` : `it exited with ${code}`;
  return {
    code: verdict.code,
    hint: verdict.hint,
    said: said.length > 0 ? said.join('; ') : (lines.at(-1) ?? ending),
    tail: lines.slice(-maxTailLines),
  };
}

const maxSaidLines = 2;
const maxTailLines = 10;

/** sudo does not let this user, or wants a password that nobody can type. */
export const sudoRefused = 'SETUP103';

/** The first that matches: a full disk or a held lock makes apt say other things too. */
const verdicts: readonly { pattern: RegExp; code: string; hint: string }[] = [
  {
    pattern:
      /^sudo: .*(password is required|terminal is required|not allowed|incorrect password)|is not in the sudoers file|^sudo: .*no new privileges/,
    code: sudoRefused,
    hint: 'run it on a terminal, where sudo can ask for a password, or as root',
  },
  {
    pattern: /Could not get lock|Unable to (acquire|lock)|is another process using it/,
    code: 'SETUP105',
    hint: 'wait until the other apt or dpkg has ended, then try again',
  },
  {
    pattern: /No space left on device|don't have enough free space/,
    code: 'SETUP106',
    hint: 'free some space, then try again',
  },
  {
    pattern: /dpkg was interrupted|unmet dependencies|held broken packages|Sub-process \S*dpkg returned/,
    code: 'SETUP107',
    hint: 'mend the packages of this machine (dpkg --configure -a; apt-get -f install), then try again',
  },
  {
    pattern:
      /Temporary failure resolving|Could not (resolve|connect)|Unable to connect|Connection (timed out|refused|failed)|Network is unreachable|Failed to fetch|does not have a Release file/,
    code: 'SETUP108',
    hint: 'check the network, the mirror in /etc/apt and its proxy, then try again',
  },
  {
    pattern: /Unable to locate package|has no installation candidate/,
    code: 'SETUP109',
    hint: "add Debian's component 'main' to the sources in /etc/apt, then try again",
  },
];

const unknown = {
  pattern: /^E: /,
  code: 'SETUP110',
  hint: 'mend what apt-get says, then try again',
} as const;
