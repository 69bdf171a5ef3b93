// SPDX-License-Identifier: BSD-2-Clause
// sDDF's serial structs (include/sddf/serial/config.h at a15355c7).

import { region } from './device.ts';
import { array, bool, magic, text, u64, u8, type ValueOf } from './field.ts';
import { struct } from './struct.ts';

/** SDDF_SERIAL_MAX_CLIENTS, SDDF_SERIAL_BEGIN_STR_MAX_LEN, SDDF_NAME_LENGTH. */
export const serialLimits = { clients: 64, beginStringBytes: 128, nameBytes: 64 } as const;

const header = '<sddf/serial/config.h>';
const serialMagic = magic('sDDF\u0003');

export const serialConnection = struct({
  cName: 'serial_connection_resource_t',
  header,
  fields: { queue: region, data: region, id: u8 },
});
export type SerialConnectionValue = ValueOf<typeof serialConnection>;

export const serialDriverConfig = struct({
  cName: 'serial_driver_config_t',
  header,
  fields: {
    magic: serialMagic,
    rx: serialConnection,
    tx: serialConnection,
    default_baud: u64,
    rx_enabled: bool,
  },
});

export const serialVirtRxConfig = struct({
  cName: 'serial_virt_rx_config_t',
  header,
  fields: {
    magic: serialMagic,
    driver: serialConnection,
    clients: array(serialConnection, serialLimits.clients),
    num_clients: u8,
    switch_char: u8,
    terminate_num_char: u8,
  },
});

const serialVirtTxClient = struct({
  cName: 'serial_virt_tx_client_config_t',
  header,
  fields: { conn: serialConnection, name: text(serialLimits.nameBytes) },
});

export const serialVirtTxConfig = struct({
  cName: 'serial_virt_tx_config_t',
  header,
  fields: {
    magic: serialMagic,
    driver: serialConnection,
    clients: array(serialVirtTxClient, serialLimits.clients),
    num_clients: u8,
    begin_str: text(serialLimits.beginStringBytes),
    enable_colour: bool,
    enable_rx: bool,
  },
});

export const serialClientConfig = struct({
  cName: 'serial_client_config_t',
  header,
  fields: { magic: serialMagic, rx: serialConnection, tx: serialConnection },
});
