// SPDX-License-Identifier: BSD-2-Clause
// The smallest system: one protection domain, which prints a line and waits for ever.
//
//   vmbuild qemu --system examples/hello/system.ts --expect 'hello from seL4'
import { defineSystem } from 'vmbuild/meta';

export default defineSystem(({ sdf }) => {
  sdf.addPd({ name: 'hello', priority: 1, program: { sources: ['hello.c'] } });
});
