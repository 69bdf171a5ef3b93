// SPDX-License-Identifier: BSD-2-Clause
// Microkit's own test suite of SDF files: the same verdict, the tool's words and its place, and nothing besides.

import type { Diagnostic } from '../../meta/diagnostic.ts';
import { describe, expect, it } from 'vitest';
import {
  checkFile,
  errorsOf,
  readExpected,
  requireSdfCases,
  type SdfCase,
  splitMessage,
  targetFor,
} from './sdf-cases.ts';

/** What else is wrong with the tool's test files; it stops at the first error. */
const alsoWrong: Readonly<Record<string, readonly string[]>> = {
  'mr_malformed_size.system': ['at least one protection domain must be defined'],
  'mr_unsupported_page_size.system': ['at least one protection domain must be defined'],
  'mr_size_not_multiple_of_page_size.system': ['at least one protection domain must be defined'],
  'mr_addr_not_aligned_to_page_size.system': ['at least one protection domain must be defined'],
  'mr_missing_size.system': ['at least one protection domain must be defined'],
  'mr_missing_name.system': ['at least one protection domain must be defined'],
  'pd_parent_has_id.system': ["missing 'program_image' element on protection_domain: 'child'"],
  'iommu_missing_from_config.system': [
    "iovaddr (0x8000000000) must be less than 0x8000000000 on element 'iomap'",
  ],
  'iommu_overlap_mixed_page_sizes.system': ["map for 'small_region' has io address range [0x1000..0x2000)"],
  'iommu_duplicate_domain_identifier.system': ["duplicate device peripheral_id 'PCI device 00:03.0'"],
  'vm_not_child.system': ['at least one protection domain must be defined'],
  'vm_missing_vcpu.system': ["missing 'program_image' element on protection_domain: 'pd'"],
  'vm_missing_vcpu_id.system': ["missing 'program_image' element on protection_domain: 'pd'"],
  'vm_invalid_vcpu_id.system': ["missing 'program_image' element on protection_domain: 'pd'"],
  'vm_x86_vm_with_child_invalid.system': ["invalid memory region name 'guest_ram' on 'map'"],
  'ch_invalid_attrs.system': ["id must be >= 0 on element 'end'"],
  'wrong_fpu_flag_value.system': ["missing 'program_image' element on protection_domain: 'test'"],
};

describe('conformance with Microkit 2.3.0', () => {
  it('all 147 cases: verdict, words and place', (ctx) => {
    requireSdfCases(ctx);
    const { configs, cases } = readExpected();
    const wrong = cases.flatMap((sdfCase) => {
      const { findings } = checkFile(sdfCase.file, targetFor(configs, sdfCase.config));
      return compare(sdfCase, errorsOf(findings));
    });
    process.stdout.write(
      `conformance: ${cases.length - wrong.length} of ${cases.length} cases as Microkit 2.3.0 has them\n`,
    );
    expect(wrong).toEqual([]);
    expect(cases).toHaveLength(147);
  });

  it('no crash on the files that upstream tests nowhere', (ctx) => {
    requireSdfCases(ctx);
    const { configs } = readExpected();
    const target = targetFor(configs, 'aarch64');
    const messages = (file: string): string[] =>
      errorsOf(checkFile(file, target).findings).map(({ message }) => message);
    expect(messages('vm_invalid_vcpu_cpu.system').join()).toMatch(
      /cpu core must be less than 1, got \d+ on element 'vcpu'/,
    );
    expect(messages('ch_missing_pd.system')[0]).toMatch(/^Missing required attribute 'pd' on element 'end'/);
  });
});

/** A line if it is not the same. */
function compare(
  { file, config, error, error_full_actual: full }: SdfCase,
  errors: readonly Diagnostic[],
): string[] {
  const has = errors.map(({ message }) => message).join(' | ');
  if (error === null) return errors.length === 0 ? [] : [`${file} ${config}: refused: ${has}`];
  const wanted = splitMessage(full ?? error);
  const hit = errors.find(({ message }) => message.startsWith(wanted.words));
  if (hit === undefined) return [`${file} ${config}: wants ${wanted.words}, has ${has}`];
  // Where upstream's test demands a place, it must be the tool's; elsewhere ours may be nearer.
  const demanded = splitMessage(error).place;
  const isSaid = demanded !== undefined && hit.message.includes(`${demanded.file}:${demanded.line}:`);
  if (demanded !== undefined && !isSaid && JSON.stringify(hit.place) !== JSON.stringify(demanded))
    return [`${file} ${config}: at ${JSON.stringify(hit.place)}, wants ${JSON.stringify(demanded)}`];
  if (wanted.place !== undefined && hit.place === undefined) return [`${file} ${config}: no place`];
  const besides = errors.filter(
    ({ message }) =>
      !message.startsWith(wanted.words) &&
      !(alsoWrong[file] ?? []).some((words) => message.startsWith(words)),
  );
  return besides.length === 0
    ? []
    : [`${file} ${config}: besides: ${besides.map(({ message }) => message).join(' | ')}`];
}
