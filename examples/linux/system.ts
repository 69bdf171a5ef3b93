// SPDX-License-Identifier: BSD-2-Clause
// The largest: two Linux guests, joined by a virtio socket, and beside them a protection domain of our own that reads
// their memory from outside. When they have booted, the sender passes 32 KiB to the receiver; the inspector looks for the
// kernel's banner in each guest's RAM, which no guest can see or hinder. --expect waits until both ends have verified.
//
//   vmbuild qemu --system examples/linux/system.ts --expect
import { cannotWrite, defineSystem, fields, struct } from 'vmbuild/meta';

const inspectorConfig = struct({
  cName: 'struct inspector_config',
  fields: {
    num_guests: fields.u8,
    guests: fields.array(
      struct({
        cName: 'struct inspected_guest',
        fields: { name: fields.text(16), ram: fields.u64, ram_size: fields.u64 },
      }),
      2,
    ),
  },
});

export default defineSystem(({ sdf, addLinux, addVsock, addSerial, addTimer, addConfig }) => {
  // Each is a protection domain, its `vmm`, that runs vmbuild's virtual machine monitor, and a virtual machine below it.
  const receiver = addLinux({ name: 'receiver' });
  const sender = addLinux({ name: 'sender' });
  const guests = [receiver, sender];
  // Guests that no addVsock names together cannot reach each other.
  addVsock({ guests, transfers: [{ from: sender, to: receiver }] });

  const inspector = sdf.addPd({
    name: 'inspector',
    priority: 150,
    program: { sources: ['inspector.c'], libraries: ['sddf', 'serial_printf'] },
  });
  addConfig(inspector, inspectorConfig, {
    num_guests: guests.length,
    guests: guests.map(({ name, ram }) => ({
      name,
      ram: inspector.map(ram, { perms: 'r' }),
      ram_size: ram.size,
    })),
  });

  const vmms = guests.map(({ vmm }) => vmm);
  // The guests' consoles, for which the VMMs must be able to receive.
  addSerial({ clients: [...vmms, inspector], receive: true });
  addTimer({ clients: [...vmms, inspector] });

  return {
    policies: guests.map(({ ram }) => cannotWrite(inspector, ram)),
  };
});
