// SPDX-License-Identifier: BSD-2-Clause
// Policies: each with a system in which it holds and one in which it does not, of the description alone; and of what the
// real tool built, where a capability that somebody added breaks what the description keeps.
import { beforeEach, describe, expect, it, test } from 'vitest';
import { auditSystem } from '../../meta/audit/audit.ts';
import { parseJson } from '../../meta/audit/json.ts';
import { readCapdl } from '../../meta/audit/parse.ts';
import {
  cannotWrite,
  describePolicy,
  exclusive,
  noPath,
  noSharedMemory,
  noSharedWritable,
  onlyChannel,
  onlyDevice,
  type Policy,
} from '../../meta/audit/policy.ts';
import { checkPolicies, provePolicies } from '../../meta/audit/prove.ts';
import { paddr } from '../../meta/units.ts';
import { buildSystem, needMicrokit } from './audit-image.ts';
import { slotsOf, type Spec } from './audit-mutants.ts';
import { map, pd, region, smallSystem, system, wholePrefills, wholeSystem } from './audit-systems.ts';

const data = region('data', 0x2000n);
const constants = region('constants', 0x1000n);
const uart = region('uart', 0x1000n, { paddr: paddr(0x900_0000) });
const own = region('own', 0x1000n);

/** client → server ← other; client and server share data, all three constants; the guest of vmm has the UART. */
const served = system(
  [
    pd('client', { priority: 1, maps: [map(data, 0x2000_0000n), map(constants, 0x3000_0000n, 'r')] }),
    pd('server', { priority: 9, maps: [map(data, 0x2000_0000n, 'r'), map(constants, 0x3000_0000n, 'r')] }),
    pd('other', { priority: 2, maps: [map(constants, 0x3000_0000n, 'r'), map(own, 0x4000_0000n)] }),
    pd('vmm', {
      virtualMachine: { name: 'guest', vcpus: [{ id: 0 }], maps: [map(uart, 0x900_0000n)] },
      children: [pd('child', { childId: 1, maps: [map(own, 0x5000_0000n, 'r')] })],
    }),
    pd('alone'),
  ],
  {
    channels: [
      { a: { pd: 'client', id: 0, pp: true, notify: false }, b: { pd: 'server', id: 0, notify: false } },
      { a: { pd: 'other', id: 0 }, b: { pd: 'server', id: 1, notify: false } },
    ],
  },
);

const holds: readonly Policy[] = [
  noSharedMemory('client', 'alone'),
  noSharedMemory('server', 'vmm'),
  noSharedWritable('client', { name: 'other' }),
  noSharedWritable('server', 'other'),
  onlyChannel('alone', 'client'),
  noPath('alone', 'client'),
  // The server is only notified.
  noPath('server', 'other'),
  noPath('client', 'other'),
  exclusive(uart, 'vmm'),
  cannotWrite('server', data),
  cannotWrite('child', own),
];

const breaks: readonly (readonly [Policy, string, string])[] = [
  [noSharedMemory('client', 'server'), 'AUD310', "'client' reads and writes and 'server' reads"],
  [noSharedMemory('client', 'other'), 'AUD310', "'client' reads and 'other' reads"],
  [noSharedWritable('server', 'client'), 'AUD311', "'server' reads and 'client' reads and writes"],
  // The parent has the child's thread, and so its memory.
  [
    noSharedWritable('vmm', 'other'),
    'AUD311',
    "'vmm', who holds the Tcb of 'child', reads and 'other' reads and writes",
  ],
  [onlyChannel('client', 'server'), 'AUD312', "'client' reads and writes and 'server' reads"],
  [onlyChannel('vmm', 'child'), 'AUD312', "'vmm' holds a Tcb capability to 'tcb_child' of 'child'"],
  [noPath('client', 'server'), 'AUD313', "'client' writes memory region 'data', which 'server' reads"],
  // The answer of a call.
  [noPath('server', 'client'), 'AUD313', "'client' can call 'server', which answers"],
  [noPath('other', 'server'), 'AUD313', "'other' notifies 'server'"],
  [
    noPath('other', 'client'),
    'AUD313',
    "'other' notifies 'server' ('ntfn_server'), then 'client' can call 'server', which answers",
  ],
  [noPath('other', 'guest'), 'AUD313', "'other' writes memory region 'own', which 'child' reads, then"],
  [
    noPath('alone', 'other', { programs: 'any' }),
    'AUD313',
    "'other' can call 'alone', which answers: the monitor's fault endpoint",
  ],
  [exclusive(data, 'client'), 'AUD314', "'server' reads memory region 'data'"],
  [onlyDevice('guest', uart), 'AUD315', "'vmm', who holds the VCpu of 'guest', reads and writes"],
  [onlyDevice('alone', uart), 'AUD315', "'vmm', who holds"],
  [cannotWrite('client', data), 'AUD316', "'client' writes memory region 'data'"],
  [cannotWrite('client', 'nothing'), 'AUD302', "there is no memory region 'nothing'"],
  [noPath('clint', 'server'), 'AUD301', "there is no protection domain or virtual machine 'clint'"],
  [noPath('client', 'client'), 'AUD303', "is about 'client' and itself"],
  [onlyDevice('client', data), 'AUD304', "memory region 'data' has no physical address"],
];

describe('of a description', () => {
  test.each(holds.map((policy) => [describePolicy(policy), policy] as const))('%s holds', (_name, policy) => {
    const [result] = checkPolicies([policy], served);
    expect(result?.findings.map(({ message }) => message)).toEqual([]);
    expect(result?.proof).toMatch(/[0-9]/);
  });

  test.each(breaks.map(([policy, ...rest]) => [describePolicy(policy), policy, ...rest] as const))(
    '%s does not hold',
    (_name, policy, code, words) => {
      const [result] = checkPolicies([policy], served);
      expect(result?.proof).toBeUndefined();
      expect(result?.findings.map((finding) => finding.code)).toContain(code);
      expect(result?.findings.map(({ message }) => message).join('\n')).toContain(words);
      for (const { hint, place } of result?.findings ?? []) {
        expect(hint).toMatch(/^[a-z]/);
        expect(place).toBeDefined();
      }
    },
  );
});

describe('of what the tool built', () => {
  beforeEach((ctx) => needMicrokit(ctx));

  it('says the same of an image as of its description', async () => {
    const built = await buildSystem('served', served);
    const capdl = readCapdl(parseJson(built.json, 'capdl.json'), 'capdl.json');
    const report = auditSystem(served, capdl, built);
    expect(report.findings).toEqual([]);
    const policies = [...holds, ...breaks.map(([policy]) => policy)];
    const verdicts = (results: ReturnType<typeof checkPolicies>) =>
      results.map(({ policy, proof, findings }) => [
        describePolicy(policy),
        proof !== undefined,
        [...new Set(findings.map(({ code }) => code))],
      ]);
    const proved = provePolicies(policies, capdl, report);
    expect(verdicts(proved)).toEqual(verdicts(checkPolicies(policies, served)));
    process.stdout.write(`policies proved: ${proved.filter(({ proof }) => proof !== undefined).length}\n`);
  });

  it('finds the capability that breaks a policy, whatever the description says', async () => {
    const built = await buildSystem('served-more', served);
    const spec = parseJson(built.json, 'capdl.json') as unknown as Spec;
    for (const [policy, code, kind, target] of [
      [noSharedMemory('client', 'alone'), 'AUD310', 'PageTable', 'pud_client'],
      [noPath('alone', 'client'), 'AUD313', 'Notification', 'ntfn_client'],
      [noPath('alone', 'client'), 'AUD313', 'Endpoint', 'ep_server'],
      [noPath('alone', 'client'), 'AUD313', 'SchedContext', 'sched_context_client'],
      [noPath('alone', 'client'), 'AUD313', 'Tcb', 'tcb_server'],
      [onlyChannel('alone', 'client'), 'AUD312', 'Tcb', 'tcb_client'],
      [onlyChannel('alone', 'client'), 'AUD312', 'Reply', 'reply_client'],
      [onlyChannel('alone', 'client'), 'AUD312', 'CNode', 'cnode_client'],
      [noSharedWritable('alone', 'client'), 'AUD311', 'CNode', 'cnode_client_root'],
      [exclusive(uart, 'vmm'), 'AUD314', 'Frame', 'frame_mr_uart_000000000'],
      [cannotWrite('alone', data), 'AUD316', 'Frame', 'frame_mr_data_000000001'],
    ] as const) {
      const holder = spec.objects.findIndex(({ name }) => name === 'cnode_alone');
      const object = spec.objects.findIndex(({ name }) => name === target);
      expect(object, target).toBeGreaterThanOrEqual(0);
      const rights = { read: true, write: true, grant: true, grant_reply: false };
      const fields = {
        Notification: { badge: 1, rights },
        Endpoint: { badge: 7, rights },
        CNode: { guard: 0, guard_size: 0 },
        Frame: { rights, cached: true, executable: false },
      }[kind as string];
      const objects = spec.objects.map((entry, i) =>
        i === holder
          ? {
              ...entry,
              object: {
                CNode: {
                  size_bits: 9,
                  slots: [...slotsOf(entry), { slot: 500, cap: { [kind]: { object, ...fields } } }],
                },
              },
            }
          : entry,
      );
      const capdl = readCapdl({ ...spec, objects }, 'capdl.json');
      const report = auditSystem(served, capdl, built);
      const [result] = provePolicies([policy], capdl, report);
      expect(
        result?.findings.map((finding) => finding.code),
        `${describePolicy(policy)}: ${target}`,
      ).toContain(code);
    }
  });

  it('is quick with the whole system', async () => {
    const built = await buildSystem('whole-policies', wholeSystem, { prefills: wholePrefills });
    const capdl = readCapdl(parseJson(built.json, 'capdl.json'), 'capdl.json');
    const report = auditSystem(wholeSystem, capdl, built);
    const [first, second] = provePolicies(
      [noPath('driver', 'guest'), exclusive('code', 'sibling')],
      capdl,
      report,
    );
    expect(first?.findings.map(({ code }) => code)).toEqual(['AUD313']);
    // Its parent holds its thread.
    expect(second?.findings.map(({ code }) => code)).toEqual(['AUD314']);
  });
});

test('a policy says where it stands', () => {
  expect(noPath('a', 'b').place?.file).toBe(import.meta.filename);
  expect(checkPolicies([], smallSystem)).toEqual([]);
});
