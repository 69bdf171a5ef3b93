// SPDX-License-Identifier: BSD-2-Clause
// sDDF's serial subsystem: one driver, a transmit virtualiser, optionally a receive virtualiser, and their clients.
// Every link is a queue region, a data region and a channel:
//
//   driver ──rx──► virt_rx ──rx──► each client          driver ◄──tx── virt_tx ◄──tx── each client
//
// Names, sizes, order and ids are sdfgen's (shared facts §7).

import { type ComponentConfig, componentConfig } from '../config/component.ts';
import {
  serialClientConfig,
  type SerialConnectionValue,
  serialDriverConfig,
  serialLimits,
  serialVirtRxConfig,
  serialVirtTxConfig,
} from '../config/serial.ts';
import { errorFinding } from '../finding.ts';
import type { SystemBuilder } from '../builder.ts';
import type { PdBuilder } from '../pd-builder.ts';
import { duplicates } from '../check/duplicates.ts';
import { attachDevice, type Device } from './driver.ts';

export interface SerialOptions {
  /** Without a device the driver gets no resources, as on x86. */
  readonly device?: Device;
  readonly driver: PdBuilder;
  readonly virtTx: PdBuilder;
  /** Without it nobody can receive. */
  readonly virtRx?: PdBuilder;
  readonly clients: readonly PdBuilder[];
  /** Each client's output in its own colour; default true. */
  readonly enableColour?: boolean;
  /** Default 115200. */
  readonly baudRate?: number;
  /** Printed when the virtualiser is ready to receive; default `Begin input\r\n`. */
  readonly beginString?: string;
}

const queueBytes = 0x1000n;
const dataBytes = 0x1_0000n;
const defaultBaudRate = 115_200;
/** The virtualiser's switch key, Ctrl-\, and what ends the client's number. */
const switchChar = 28;
const terminateNumChar = '\r'.charCodeAt(0);

/** Wires the subsystem up and gives the config of each of its protection domains. */
export function connectSerial(sdf: SystemBuilder, options: SerialOptions): ComponentConfig[] {
  checkOptions(sdf, options);
  const { driver, virtTx, virtRx, clients } = options;
  const { enableColour = true, baudRate = defaultBaudRate } = options;
  const resources = attachDevice(sdf, driver, options.device);
  const link = (from: PdBuilder, to: PdBuilder, size = dataBytes): Link =>
    connect(sdf, { prefix: options.device?.at.node.name ?? 'generic', from, to, size });

  const rxDriver = virtRx === undefined ? undefined : link(driver, virtRx);
  const rxClients = virtRx === undefined ? [] : clients.map((client) => link(virtRx, client));
  const txDriver = link(driver, virtTx, enableColour ? 2n * dataBytes : dataBytes);
  const txClients = clients.map((client) => link(virtTx, client));

  const driverConfig = componentConfig(
    {
      pd: driver.name,
      symbol: 'config',
      section: '.serial_driver_config',
      dataFile: 'serial_driver_config.data',
    },
    serialDriverConfig,
    {
      rx: rxDriver?.from ?? unconnected,
      tx: txDriver.from,
      default_baud: BigInt(isBaudRate(baudRate) ? baudRate : defaultBaudRate),
      rx_enabled: virtRx !== undefined,
    },
  );
  const virtRxConfig = componentConfig(
    {
      pd: virtRx?.name,
      symbol: 'config',
      section: '.serial_virt_rx_config',
      dataFile: 'serial_virt_rx.data',
    },
    serialVirtRxConfig,
    virtRx === undefined
      ? { driver: unconnected, clients: [], num_clients: 0, switch_char: 0, terminate_num_char: 0 }
      : {
          driver: rxDriver?.to ?? unconnected,
          clients: rxClients.map(({ from }) => from),
          num_clients: clients.length,
          switch_char: switchChar,
          terminate_num_char: terminateNumChar,
        },
  );
  const virtTxConfig = componentConfig(
    { pd: virtTx.name, symbol: 'config', section: '.serial_virt_tx_config', dataFile: 'serial_virt_tx.data' },
    serialVirtTxConfig,
    {
      driver: txDriver.to,
      clients: txClients.map(({ from }, i) => ({ conn: from, name: clients[i]?.name ?? '' })),
      num_clients: clients.length,
      begin_str: options.beginString ?? 'Begin input\r\n',
      enable_colour: enableColour,
      enable_rx: virtRx !== undefined,
    },
  );
  const clientConfigs = clients.map((client, i) =>
    componentConfig(
      {
        pd: client.name,
        symbol: 'serial_config',
        section: '.serial_client_config',
        dataFile: `serial_client_${client.name}.data`,
      },
      serialClientConfig,
      { rx: rxClients[i]?.to ?? unconnected, tx: txClients[i]?.to ?? unconnected },
    ),
  );
  return [resources, driverConfig, virtRxConfig, virtTxConfig, ...clientConfigs];
}

const nowhere = { vaddr: 0n, size: 0n };
const unconnected: SerialConnectionValue = { queue: nowhere, data: nowhere, id: 0 };

interface Link {
  readonly from: SerialConnectionValue;
  readonly to: SerialConnectionValue;
}

function connect(
  sdf: SystemBuilder,
  options: { prefix: string; from: PdBuilder; to: PdBuilder; size: bigint },
): Link {
  const { prefix, from, to, size } = options;
  const queue = sdf.addMr({ name: `${prefix}/serial/queue/${from.name}/${to.name}`, size: queueBytes });
  const fromQueue = from.map(queue, { perms: 'rw' });
  const toQueue = to.map(queue, { perms: 'rw' });
  const data = sdf.addMr({ name: `${prefix}/serial/data/${from.name}/${to.name}`, size });
  const fromData = from.map(data, { perms: 'rw' });
  const toData = to.map(data, { perms: 'rw' });
  const ids = sdf.addChannel({ a: { pd: from }, b: { pd: to } });
  const end = (queueVaddr: bigint, dataVaddr: bigint, id: number): SerialConnectionValue => ({
    queue: { vaddr: queueVaddr, size: queueBytes },
    data: { vaddr: dataVaddr, size },
    id,
  });
  return { from: end(fromQueue, fromData, ids.a), to: end(toQueue, toData, ids.b) };
}

function checkOptions(sdf: SystemBuilder, options: SerialOptions): void {
  const { driver, virtTx, virtRx, clients } = options;
  const own = [driver, virtTx, ...(virtRx === undefined ? [] : [virtRx])];
  for (const { again } of duplicates([...own, ...clients], ({ name }) => name))
    sdf.report(
      errorFinding('SER101', `'${again.name}' has two parts in the serial subsystem of '${driver.name}'`, {
        hint: 'give each part, driver, virtualiser or client, its own protection domain, and each client once',
      }),
    );
  if (clients.length > serialLimits.clients)
    sdf.report(
      errorFinding(
        'SER102',
        `the serial subsystem of '${driver.name}' has ${clients.length} clients; sDDF takes ${serialLimits.clients}`,
        {
          hint: 'use a second serial device',
        },
      ),
    );
  for (const { name } of clients)
    if (utf8Length(name) >= serialLimits.nameBytes)
      sdf.report(
        errorFinding(
          'SER103',
          `serial client '${name}' has a name of ${utf8Length(name)} bytes; sDDF takes ${serialLimits.nameBytes - 1}`,
          {
            hint: 'shorten it',
          },
        ),
      );
  const begin = options.beginString ?? '';
  if (utf8Length(begin) >= serialLimits.beginStringBytes || begin.includes('\0'))
    sdf.report(
      errorFinding(
        'SER104',
        `the begin string of the serial subsystem of '${driver.name}' has ${utf8Length(begin)} bytes; sDDF takes ${serialLimits.beginStringBytes - 1}, without NUL`,
        {
          hint: 'shorten it',
        },
      ),
    );
  if (options.baudRate !== undefined && !isBaudRate(options.baudRate))
    sdf.report(
      errorFinding(
        'SER105',
        `baud rate ${options.baudRate} of the serial subsystem of '${driver.name}' is no positive integer`,
        { hint: `use ${defaultBaudRate}` },
      ),
    );
}

const isBaudRate = (rate: number): boolean => Number.isSafeInteger(rate) && rate > 0;

const utf8Length = (text: string): number => new TextEncoder().encode(text).length;
