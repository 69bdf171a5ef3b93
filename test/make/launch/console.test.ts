// SPDX-License-Identifier: BSD-2-Clause
// Two guests' bytes, torn and mixed by the virtualiser, come out as the lines that they printed.
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  colourCount,
  type ConsoleLine,
  makeDemultiplexer,
  maxLineBytes,
} from '../../../make/launch/console.ts';

const red = '\x1b[31m';
const green = '\x1b[32m';
const end = '\x1b[0m';
const pds = ['CLIENT_VMM0', 'CLIENT_VMM1'];

/** The lines of `text`, which arrives in pieces that are cut at `cuts`. */
function linesOf(text: string | Buffer, cuts: readonly number[] = [], clients = 2): ConsoleLine[] {
  const lines: ConsoleLine[] = [];
  const demultiplexer = makeDemultiplexer({ clients, pds, onLine: (line) => lines.push(line) });
  const bytes = Buffer.from(text);
  let from = 0;
  for (const cut of [...cuts.map((c) => c % (bytes.length + 1)).toSorted((a, b) => a - b), bytes.length]) {
    demultiplexer.write(bytes.subarray(from, cut));
    from = cut;
  }
  demultiplexer.end();
  return lines;
}

const textsOf = (speaker: ConsoleLine['speaker'], lines: readonly ConsoleLine[]): string[] =>
  lines.filter((line) => line.speaker === speaker).map(({ text }) => text);

it('puts a torn line together', () => {
  const lines = linesOf(`${red}N${end}${green}hel${end}${red}ET: ok\r\n${end}${green}lo\r\n${end}`);
  expect(lines).toEqual([
    { speaker: 0, text: 'NET: ok' },
    { speaker: 1, text: 'hello' },
  ]);
});

it('takes what is outside the colours for the system', () => {
  const lines = linesOf(`Bootstrapping kernel\r\n${red}one\n${end}MON|INFO: x\n`);
  expect(textsOf('system', lines)).toEqual(['Bootstrapping kernel', 'MON|INFO: x']);
});

it("keeps the virtualiser's own words out of a guest's first line", () => {
  const lines = linesOf(`Begin input\n${red}'CLIENT_VMM0' is client 0${end}\n${red}first\n${end}`);
  expect(textsOf('system', lines)).toEqual(['Begin input', "'CLIENT_VMM0' is client 0"]);
  expect(textsOf(0, lines)).toEqual(['first']);
});

describe('a line of a VMM in the middle of a chunk', () => {
  it('is cut out, and the guest line goes on after it', () => {
    const lines = linesOf(
      `${red}vsock re${end}${red}cv: peeCLIENT_VMM0|ERROR: vIRQ 0x1b is not enabled\nr=4\n${end}`,
    );
    expect(textsOf(0, lines)).toEqual(['vsock recv: peer=4']);
    expect(textsOf('system', lines)).toEqual(['CLIENT_VMM0|ERROR: vIRQ 0x1b is not enabled']);
  });

  it('several, and one at the start of a line', () => {
    const lines = linesOf(`${red}aMON|ERROR: 1\nCLIENT_VMM1|INFO: 2\nb\nCLIENT_VMM0|INFO: 3\nc\n${end}`);
    expect(textsOf(0, lines)).toEqual(['ab', 'c']);
    expect(textsOf('system', lines)).toEqual(['MON|ERROR: 1', 'CLIENT_VMM1|INFO: 2', 'CLIENT_VMM0|INFO: 3']);
  });

  it("is not seen in a guest's own words", () => {
    expect(textsOf(0, linesOf(`${red}VSOCK RECV|INFO: All is well in the universe\n${end}`))).toEqual([
      'VSOCK RECV|INFO: All is well in the universe',
    ]);
  });
});

it('strips escapes and control characters of guests', () => {
  const text = `${red}\x1b[1;33mbold\x1b[m \x1b]0;title\x07x\tz\x00\x1b[2K\x1b[6n!\r\n${end}`;
  expect(textsOf(0, linesOf(text))).toEqual(['bold x\tz!']);
});

it('a colour of a guest inside its chunk is no other guest', () => {
  expect(linesOf(`${red}x${green}y\n${end}`)).toEqual([{ speaker: 0, text: 'xy' }]);
});

it('hands a line without end out in pieces', () => {
  const lines = linesOf(`${red}${'x'.repeat(10_000)}${end}`);
  expect(lines.map(({ text }) => text.length)).toEqual([
    maxLineBytes,
    maxLineBytes,
    10_000 - 2 * maxLineBytes,
  ]);
});

it('puts a character together that is torn between chunks', () => {
  const bytes = Buffer.from('ü\n');
  const text = Buffer.concat([
    Buffer.from(red),
    bytes.subarray(0, 1),
    Buffer.from(`${end}${green}\xc3`, 'latin1'),
  ]);
  const rest = Buffer.concat([Buffer.from(`${end}${red}`), bytes.subarray(1), Buffer.from(end)]);
  expect(linesOf(Buffer.concat([text, rest]))[0]).toEqual({ speaker: 0, text: 'ü' });
});

it('with no clients all is the system', () => {
  expect(linesOf(`${red}x\n${end}`, [], 0)).toEqual([{ speaker: 'system', text: 'x' }]);
});

/** What a guest prints: bytes of any kind but whole virtualiser codes, which nobody could tell apart. */
const guestText = fc
  .string({
    unit: fc.constantFrom('a', 'b', '\n', '\r\n', ' ', 'é', '日', '[', '3', 'm', '0', '|', ': '),
    maxLength: 60,
  })
  .map((text) => `${text}\n`);

/** Any way to cut two texts, and to send the pieces in turns. */
const interleavings = fc.record({
  texts: fc.tuple(guestText, guestText),
  turns: fc.array(fc.record({ client: fc.nat(1), bytes: fc.integer({ min: 1, max: 9 }) }), { maxLength: 80 }),
  system: fc.array(fc.nat(80), { maxLength: 3 }),
  cuts: fc.array(fc.nat(2000), { maxLength: 12 }),
});

it('any interleaving of two guests, cut anywhere, comes out as the same lines', () => {
  fc.assert(
    fc.property(interleavings, ({ texts, turns, system, cuts }) => {
      const rest = texts.map((text) => Buffer.from(text));
      const sent: Buffer[] = [];
      const send = (client: number, bytes: number): void => {
        const piece = rest[client]?.subarray(0, bytes) ?? Buffer.alloc(0);
        rest[client] = rest[client]?.subarray(bytes) ?? Buffer.alloc(0);
        // The virtualiser sends no empty chunk.
        if (piece.length > 0) sent.push(Buffer.from(client === 0 ? red : green), piece, Buffer.from(end));
      };
      for (const [i, { client, bytes }] of turns.entries()) {
        if (system.includes(i)) sent.push(Buffer.from(`CLIENT_VMM0|INFO: ${i}\n`));
        send(client, bytes);
      }
      send(0, Infinity);
      send(1, Infinity);
      const lines = linesOf(Buffer.concat(sent), cuts);
      for (const [client, text] of texts.entries())
        expect(textsOf(client, lines)).toEqual(
          text
            .slice(0, -1)
            .split('\n')
            .map((line) => line.replaceAll('\r', '')),
        );
      expect(textsOf('system', lines)).toEqual(
        turns.flatMap((_, i) => (system.includes(i) ? [`CLIENT_VMM0|INFO: ${i}`] : [])),
      );
    }),
    { numRuns: 1000 },
  );
});

it('takes any bytes, and loses no line end of them', () => {
  const bytes = fc.array(
    fc.oneof(
      fc.constantFrom(...[red, green, end, '\x1b', '\x1b[', '\x1b[3', '\n'].map((text) => Buffer.from(text))),
      fc.uint8Array({ maxLength: 5 }).map((raw) => Buffer.from(raw)),
    ),
  );
  fc.assert(
    fc.property(bytes, fc.array(fc.nat(500), { maxLength: 5 }), (pieces, cuts) => {
      const all = Buffer.concat(pieces);
      const whole = linesOf(all);
      expect(linesOf(all, cuts)).toEqual(whole);
      expect(whole.length).toBeGreaterThanOrEqual(all.filter((byte) => byte === 10).length);
    }),
    { numRuns: 1000 },
  );
});

it('the client after the last colour speaks with the voice of the first: nobody may be judged by it', () => {
  const said = Array.from({ length: colourCount + 1 }, (_, client) => {
    const colour = `\x1b[${31 + (client % colourCount)}m`; // as sDDF's virt_tx.c chooses it
    return `${colour}I am ${client}\n${end}`;
  });
  const lines = linesOf(said.join(''), [], colourCount + 1);
  expect(lines.map(({ speaker }) => speaker)).toEqual([0, 1, 2, 3, 4, 5, 0]);
});
