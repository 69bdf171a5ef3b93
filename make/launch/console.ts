// SPDX-License-Identifier: BSD-2-Clause
// Several guests on one serial line, told apart again.
//
// sDDF's transmit virtualiser takes what a client has queued and sends it as one chunk: the client's colour
// (`ESC[31m` for client 0, `ESC[32m` for client 1, six in all), the bytes, `ESC[0m`. A chunk ends anywhere, in the middle
// of a line or of a character; so each client's bytes are put together first and made into lines after. The seventh
// client has the first one's colour again, and nothing on the wire tells the two apart.
//
// Kernel, monitor and VMMs print past the virtualiser, by the kernel's debug call. Their lines are outside the
// colours as a rule, but may land in the middle of a chunk; they are recognised by how they start (`MON|`,
// `CLIENT_VMM0|`), and cut out of the client's line.
//
// The virtualiser never nests its colours, so a colour inside a chunk is the guest's own and changes nothing. A guest
// that sends `ESC[0m` and then another's colour can speak in that one's name; nothing on the wire tells them apart.
import { stripVTControlCharacters } from 'node:util';

/** Who printed a line: a client of the virtualiser by its number, or `system` (kernel, monitor, VMMs). */
export type Speaker = number | 'system';

export interface ConsoleLine {
  readonly speaker: Speaker;
  /** Without line end, escapes and control characters. */
  readonly text: string;
}

export interface Demultiplexer {
  write(chunk: Buffer): void;
  /** Hands out what has not come to its line end. */
  end(): void;
}

export interface DemultiplexOptions {
  /** How many clients the virtualiser has; with none, all is `system`. Those past `colourCount` count as earlier ones. */
  readonly clients: number;
  /** Names of the PDs that print past the virtualiser. */
  readonly pds: readonly string[];
  readonly onLine: (line: ConsoleLine) => void;
}

/** A longer line is handed out in pieces. */
export const maxLineBytes = 4096;

const colours = ['\x1b[31m', '\x1b[32m', '\x1b[33m', '\x1b[34m', '\x1b[35m', '\x1b[36m'];
const colourEnd = '\x1b[0m';

/** So many clients have a colour of their own. */
export const colourCount = colours.length;

export function makeDemultiplexer(options: DemultiplexOptions): Demultiplexer {
  const codes = new Map<string, Speaker>(colours.slice(0, options.clients).map((code, i) => [code, i]));
  const intruder = intruderPattern(options.pds);
  const buffers = new Map<Speaker, string>();
  let speaker: Speaker = 'system';
  /** The front of an escape sequence that is not complete yet. */
  let torn = '';

  return {
    write: (chunk) => {
      // One character per byte: sequences are found bytewise, lines decoded when they are whole.
      const text = torn + chunk.toString('latin1');
      torn = '';
      let from = 0;
      for (let at = text.indexOf('\x1b'); at !== -1; at = text.indexOf('\x1b', at + 1)) {
        const rest = text.slice(at, at + colourEnd.length + 1);
        const code = [colourEnd, ...codes.keys()].find((known) => rest.startsWith(known));
        if (code !== undefined) {
          take(text.slice(from, at));
          from = at + code.length;
          if (code === colourEnd) endChunk();
          else if (speaker === 'system') speaker = codes.get(code) ?? 'system';
        } else if ([colourEnd, ...codes.keys()].some((known) => known.startsWith(rest))) {
          take(text.slice(from, at));
          from = text.length;
          torn = rest;
        }
      }
      take(text.slice(from));
    },
    end: () => {
      take(torn);
      torn = '';
      for (const [who, rest] of buffers) if (rest !== '') hand(who, rest);
      buffers.clear();
    },
  };

  function take(text: string): void {
    if (text === '') return;
    const lines = ((buffers.get(speaker) ?? '') + text).split('\n');
    let rest = lines.pop() ?? '';
    let carried = '';
    for (const line of lines) {
      const whole = carried + line;
      const at = speaker === 'system' ? -1 : whole.search(intruder);
      if (at === -1) hand(speaker, whole);
      else hand('system', whole.slice(at));
      carried = at === -1 ? '' : whole.slice(0, at);
    }
    rest = carried + rest;
    while (rest.length > maxLineBytes) {
      hand(speaker, rest.slice(0, maxLineBytes));
      rest = rest.slice(maxLineBytes);
    }
    buffers.set(speaker, rest);
  }

  /** At its start the virtualiser prints `'NAME' is client N` in N's colour, past its own queues. */
  function endChunk(): void {
    const said = buffers.get(speaker) ?? '';
    if (speaker !== 'system' && /^'[^']*' is client \d+$/.test(said)) {
      buffers.set(speaker, '');
      buffers.set('system', (buffers.get('system') ?? '') + said);
    }
    speaker = 'system';
  }

  function hand(who: Speaker, bytes: string): void {
    options.onLine({ speaker: who, text: decodeLine(bytes) });
  }
}

/** Where a line that is no guest's starts. Guests print `|INFO: ` too, so PDs are known by name. */
function intruderPattern(pds: readonly string[]): RegExp {
  const names = ['MON', 'LDR', 'VIRT_RX', 'VIRT_TX', 'UART', ...pds].map((name) =>
    name.replaceAll(/[^A-Za-z0-9_]/g, '\\$&'),
  );
  return new RegExp(`(?:${names.join('|')})\\|(?:INFO|ERROR|WARN|LOG)|<<seL4\\(CPU`);
}

/** The lines of a console that has one speaker only. */
export function makeLineReader(onLine: (text: string) => void): Pick<Demultiplexer, 'write' | 'end'> {
  let rest = '';
  return {
    write: (chunk) => {
      const lines = (rest + chunk.toString('latin1')).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) onLine(decodeLine(line));
      for (; rest.length > maxLineBytes; rest = rest.slice(maxLineBytes))
        onLine(decodeLine(rest.slice(0, maxLineBytes)));
    },
    end: () => {
      if (rest !== '') onLine(decodeLine(rest));
      rest = '';
    },
  };
}

/** From one character per byte to text, without escapes and control characters. */
function decodeLine(bytes: string): string {
  const line = stripVTControlCharacters(Buffer.from(bytes, 'latin1').toString('utf8'));
  // oxlint-disable-next-line no-control-regex -- these are what is to go
  return line.replaceAll(/[\u0000-\u0008\u000b-\u001f\u007f]/g, '');
}
