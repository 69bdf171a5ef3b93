// SPDX-License-Identifier: BSD-2-Clause
// Two protection domains: a client writes a text into memory that both see, and calls the server, which capitalises it
// in place. Neither program knows a number: channels, addresses and sizes come in by generated headers.
//
//   vmbuild qemu --system examples/two-pds/system.ts --expect 'CLIENT: THE ANSWER'
import { defineSystem } from 'vmbuild/meta';

export default defineSystem(({ sdf }) => {
  const client = sdf.addPd({ name: 'client', priority: 1, program: { sources: ['client.c'] } });
  // A server has a higher priority than those who call it, or its callers could keep it from answering.
  const server = sdf.addPd({ name: 'server', priority: 2, program: { sources: ['server.c'] } });

  // `pp` (protected procedure) stands at the end that calls.
  sdf.addChannel({ a: { pd: client, pp: true }, b: { pd: server } });

  const text = sdf.addMr({ name: 'text', size: 0x1000n });
  client.map(text, { perms: 'rw' });
  server.map(text, { perms: 'rw' });
});
