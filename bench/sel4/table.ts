// SPDX-License-Identifier: BSD-2-Clause
// From samples to tables in Markdown: figures beside the loopback's of the same boot and upstream's recorded ones, then
// what the VMMs counted, per MiB and per round trip.
import { renderCounts } from '../vsock/counts.ts';
import { formatBytes, formatSpeed, median, renderRows, speedOf } from '../vsock/table.ts';
import type { Route, TestName } from '../vsock/lines.ts';
import type { Mode, Sel4Sample } from './boot.ts';

/**
 * Upstream's device between the same two guests, debug configuration, writes of 64 KiB, 1 byte there and back; single
 * runs, the plain ones on a machine with little else to do.
 */
const upstream: Readonly<Record<Mode, Readonly<Record<'stream' | 'ping' | 'connect', string>>>> = {
  icount: { stream: '0.889', ping: '3930 (p50 3950, p99 3990)', connect: '2280' },
  plain: { stream: '0.735', ping: '8240 (p50 7980, p99 15800)', connect: '47800' },
};

export function renderSel4(samples: readonly Sel4Sample[]): string {
  const modes = [...new Set(samples.map(({ mode }) => mode))];
  return modes
    .flatMap((mode) => {
      const all = samples.filter((sample) => sample.mode === mode);
      return [renderFigures(mode, all), countsOf(mode, all)];
    })
    .join('\n');
}

const names: Readonly<Record<Mode, string>> = { icount: '-icount shift=1,sleep=off', plain: 'plain' };

function renderFigures(mode: Mode, samples: readonly Sel4Sample[]): string {
  const rows = testsOf(samples).map((test) => {
    const of = (route: Route): readonly Sel4Sample[] =>
      samples.filter((sample) => sample.test === test && sample.route === route);
    const [device, loopback] = [of('device'), of('loopback')];
    const kind = device[0]?.figures.kind ?? 'stream';
    return [
      nameOf(test, device),
      cellOf(device),
      cellOf(loopback),
      ratioOf(device, loopback),
      cpuOf(device),
      cpuOf(loopback),
      upstream[mode][kind],
    ];
  });
  const head = [
    names[mode],
    'device',
    'loopback',
    'device / loopback',
    'CPU s',
    "loopback's CPU s",
    'upstream',
  ];
  return renderRows([head, ...rows]);
}

const testsOf = (samples: readonly Sel4Sample[]): readonly TestName[] => [
  ...new Set(samples.map(({ test }) => test)),
];

function nameOf(test: TestName, [sample]: readonly Sel4Sample[]): string {
  if (sample?.figures.kind === 'stream')
    return `${formatBytes(sample.figures.bytes)} in writes of ${formatBytes(Number(test.split(' ')[1]))}, MiB/s`;
  const times = sample === undefined ? '' : ` ${sample.figures.count} times`;
  return `${test === 'ping' ? '1 byte there and back' : 'connect'},${times}, µs`;
}

function cellOf(samples: readonly Sel4Sample[]): string {
  if (samples.length === 0) return '–';
  const figures = samples.map((sample) => sample.figures);
  const times = figures.flatMap((of) => (of.kind === 'stream' ? [] : [of]));
  if (times.length === 0) return formatSpeed(median(figures.map(speedOf)));
  const of = (pick: (time: (typeof times)[number]) => number): string => median(times.map(pick)).toFixed(0);
  return `${of(({ meanUs }) => meanUs)} (p50 ${of(({ p50Us }) => p50Us)}, p99 ${of(({ p99Us }) => p99Us)})`;
}

const cpuOf = (samples: readonly Sel4Sample[]): string =>
  samples.length === 0 ? '–' : median(samples.map(({ cpuS }) => cpuS)).toFixed(2);

/** Of speed: more than 1, the device is quicker. */
function ratioOf(device: readonly Sel4Sample[], loopback: readonly Sel4Sample[]): string {
  const ratios = device.flatMap(({ run, figures }) => {
    const other = loopback.find((sample) => sample.run === run);
    return other === undefined ? [] : [speedOf(figures) / speedOf(other.figures)];
  });
  return ratios.length === 0 ? '–' : median(ratios).toFixed(2);
}

// ---- counters ------------------------------------------------------------------------------------------------------

/** The counter of QEMU's machine has 62.5 MHz. */
const usPerTick = 0.016;

const countsOf = (mode: Mode, samples: readonly Sel4Sample[]): string =>
  renderCounts(
    samples
      .filter(({ route }) => route === 'device')
      .map(({ client, server, ...sample }) => ({ ...sample, ends: { sender: client, receiver: server } })),
    {
      title: `${names[mode]}: in the VMMs`,
      rows: { ticks_inside: 'µs in the VMM', ticks: 'µs in all' },
      scales: { ticks_inside: usPerTick, ticks: usPerTick },
    },
  );
