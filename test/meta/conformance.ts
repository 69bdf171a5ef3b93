// SPDX-License-Identifier: BSD-2-Clause
// Where the conformance set lies and how its files are compared: system text byte for byte, .data with the padding of
// its struct masked (the peer leaves it uninitialised).

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'vitest';
import { expect } from 'vitest';
import {
  type ComponentConfig,
  type DeviceTree,
  type DriverConfig,
  parseDriverConfig,
  parseFdt,
  renderData,
} from '../../meta/index.ts';
import { requireOrSkip } from '../require.ts';

const projectRoot = new URL('../../', import.meta.url).pathname;

/** VMBUILD_CONFORMANCE, else beside the project. */
export const conformanceRoot =
  process.env['VMBUILD_CONFORMANCE'] ?? join(projectRoot, '../shared/conformance');

export const sdfgenRoot = join(conformanceRoot, 'sdfgen');

/** Skips (or fails, if it is required) without the set. */
export const requireConformance = (ctx: Pick<TestContext, 'skip'>): void =>
  requireOrSkip(ctx, 'conformance', existsSync(sdfgenRoot), `no conformance set at ${conformanceRoot}`);

export const readTree = (name: string): DeviceTree => parseFdt(readFileSync(join(sdfgenRoot, name)), name);

/** All driver configs of a class directory of the set, e.g. `serial`. */
export function readDrivers(driverClass: string): DriverConfig[] {
  const root = join(sdfgenRoot, 'sddf_min/drivers', driverClass);
  return readdirSync(root)
    .filter((name) => existsSync(join(root, name, 'config.json')))
    .map((name) => {
      const file = join(root, name, 'config.json');
      return parseDriverConfig(JSON.parse(readFileSync(file, 'utf8')), `${driverClass}/${name}`, file);
    });
}

interface Layouts {
  readonly structs: Readonly<
    Record<string, { readonly size: number; readonly padding: readonly [number, number][] }>
  >;
  readonly rules: readonly [string, string][];
}

let layouts: Layouts | undefined;

/** Zeroes the padding, as the set's README prescribes. */
export function maskPadding(dataFile: string, content: Uint8Array): Uint8Array {
  layouts ??= JSON.parse(readFileSync(join(sdfgenRoot, 'layouts.json'), 'utf8')) as Layouts;
  const stem = dataFile.replace(/\.data$/, '');
  const rule = layouts.rules.find(([pattern]) => new RegExp(`^(?:${pattern})`).test(stem));
  const layout = layouts.structs[rule?.[1] ?? ''];
  if (layout === undefined) throw new Error(`no layout for ${dataFile}`);
  expect(content.length, `${dataFile}: size`).toBe(layout.size);
  const masked = Uint8Array.from(content);
  for (const [offset, length] of layout.padding) masked.fill(0, offset, offset + length);
  return masked;
}

export const goldenSystem = (board: string, name: string): string =>
  readFileSync(join(sdfgenRoot, 'golden', board, name, 'system.system'), 'utf8');

/** Every .data file of the golden has its config, and no config is without a file. */
export function expectGoldenData(board: string, name: string, configs: readonly ComponentConfig[]): void {
  const directory = join(sdfgenRoot, 'golden', board, name);
  const files = readdirSync(directory).filter((file) => file.endsWith('.data'));
  expectData((file) => readFileSync(join(directory, file)), files, configs);
}

export function expectData(
  read: (file: string) => Uint8Array,
  files: readonly string[],
  configs: readonly ComponentConfig[],
): void {
  expect(configs.map(({ dataFile }) => dataFile).toSorted()).toEqual(files.toSorted());
  for (const config of configs) {
    const expected = maskPadding(config.dataFile, read(config.dataFile));
    const actual = renderData(config);
    expect(Buffer.from(actual).toString('hex'), config.dataFile).toBe(Buffer.from(expected).toString('hex'));
  }
}
