// SPDX-License-Identifier: BSD-2-Clause
// The cases of Microkit's own test suite of SDF files, and what its kernel configurations mean for our rules.

import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'vitest';
import { type CheckTarget, targetOf } from '../../meta/check/target.ts';
import type { Diagnostic, Place } from '../../meta/diagnostic.ts';
import type { Architecture } from '../../meta/model.ts';
import { checkSdf, type CheckedSdf } from '../../meta/sdf/check.ts';
import type { PrefillFile } from '../../meta/sdf/parse-region.ts';
import { requireOrSkip } from '../require.ts';
import { conformanceRoot } from './conformance.ts';

export const sdfRoot = join(conformanceRoot, 'microkit-sdf');

export const requireSdfCases = (ctx: Pick<TestContext, 'skip'>): void =>
  requireOrSkip(ctx, 'conformance', existsSync(sdfRoot), `no conformance set at ${sdfRoot}`);

export interface SdfCase {
  readonly test: string;
  readonly file: string;
  readonly config: string;
  readonly ok: boolean;
  readonly error: string | null;
  readonly error_full_actual?: string;
}

interface Config {
  readonly base?: string;
  readonly arch?: Architecture;
  readonly hypervisor?: boolean;
  readonly iommu?: boolean;
  readonly num_cores?: number;
  readonly num_domains?: number;
  readonly num_domain_schedules?: number;
  readonly vspace_user_top?: string;
}

interface Expected {
  readonly configs: Readonly<Record<string, Config>>;
  readonly cases: readonly SdfCase[];
}

export const readExpected = (): Expected =>
  JSON.parse(readFileSync(join(sdfRoot, 'expected.json'), 'utf8')) as Expected;

/** A configuration with what it inherits, as our rules take it. */
export function targetFor(configs: Expected['configs'], name: string): CheckTarget {
  const config = configs[name];
  if (config === undefined) throw new Error(`no configuration ${name}`);
  const base = config.base === undefined ? undefined : targetFor(configs, config.base);
  const arch = config.arch ?? base?.arch ?? 'aarch64';
  const from = base ?? targetOf(arch);
  return {
    ...from,
    arch,
    isHypervisor: config.hypervisor ?? from.isHypervisor,
    hasIommu: config.iommu ?? from.hasIommu,
    cores: config.num_cores ?? from.cores,
    domains: config.num_domains ?? from.domains,
    domainSchedules: config.num_domain_schedules ?? from.domainSchedules,
    userTop: config.vspace_user_top === undefined ? from.userTop : BigInt(config.vspace_user_top),
  };
}

export function findPrefill(path: string): PrefillFile {
  const file = join(sdfRoot, 'prefills', path);
  return existsSync(file) ? statSync(file).size : 'missing';
}

export const checkFile = (file: string, target: CheckTarget): CheckedSdf =>
  checkSdf(readFileSync(join(sdfRoot, 'sdf', file), 'utf8'), file, target, findPrefill);

export const errorsOf = (findings: readonly Diagnostic[]): Diagnostic[] =>
  findings.filter(({ severity }) => severity === 'error');

/** The tool's message without `Error: ` and the place at its end, and that place. */
export function splitMessage(message: string): { words: string; place?: Place } {
  const [, words = '', file, line, column] =
    /^(?:Error: )?([^]*?)(?:(?:: | @ |(?<= @ '[^']*') )([\w.-]+[.]system):(\d+):(\d+))?$/.exec(message) ?? [];
  return file === undefined
    ? { words }
    : { words, place: { file, line: Number(line), column: Number(column) } };
}
