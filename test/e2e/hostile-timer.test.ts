// SPDX-License-Identifier: BSD-2-Clause
// Guests that attack the timer on which the other guest's sleep hangs, on the real seL4: the other one goes on sleeping
// and waking up. Judged by what it gets done, not by when.
import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { copyPackage, mutate, needQemu, packageRoot, scratch, vmbuild } from './program.ts';

const minutes = 60_000;

/** Instructions that a guest executes for ever; x0 is 1, x1 is all ones. */
const attacks = [
  { title: 'switches it off', instructions: 'msr cntp_ctl_el0, xzr' },
  { title: 'overwrites when it fires', instructions: 'msr cntp_cval_el0, x1' },
  {
    title: 'makes it fire all the time',
    instructions: String.raw`msr cntp_ctl_el0, x0\n msr cntp_cval_el0, xzr`,
  },
] as const;

it.for(attacks)(
  'a guest that $title does not keep the other one from waking up',
  { timeout: 12 * minutes },
  async ({ instructions }, ctx) => {
    await needQemu(ctx);
    const root = copyPackage();
    const libvmm = join(root, 'vmm/libvmm');
    copyFileSync(join(packageRoot, 'test/e2e/timer_attack.h'), join(libvmm, 'timer_attack.h'));
    mutate(
      join(libvmm, 'guest_images.c'),
      '    return entry;\n',
      `    if (strcmp(microkit_name, "CLIENT_VMM0") == 0) {
        memcpy((void *)entry, timer_attack_start, (size_t)(timer_attack_end - timer_attack_start));
    }
    return entry;\n`,
    );
    mutate(
      join(libvmm, 'guest_images.c'),
      '#include "guest_images.h"\n',
      `#include "guest_images.h"\n#define TIMER_ATTACK "${instructions}\\n"\n#include "timer_attack.h"\n`,
    );
    const args = ['--guest', 'debian', '--timeout', '400', '--build-dir', scratch()];
    // The sender sleeps after each attempt to find a receiver.
    const run = await vmbuild(['qemu', ...args, '--expect', 'no receiver yet after 100 attempts'], { root });
    expect(run.stderr).not.toMatch(/faulting PD|Failed assertion/);
    expect(run.code).toBe(0);
  },
);
