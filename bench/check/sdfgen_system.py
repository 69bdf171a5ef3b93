# SPDX-License-Identifier: BSD-2-Clause
"""vmbuild's shipped system with sdfgen, as far as that has it: two VMMs, serial and timer, but no socket device.

Words: directory of sDDF, device tree of the board, device tree of a guest, serial node, timer node, output directory.
"""
import os
import sys

from sdfgen import DeviceTree, Sddf, SystemDescription, Vmm

PD = SystemDescription.ProtectionDomain
VM = SystemDescription.VirtualMachine
sddf_dir, host_file, guest_file, serial_node, timer_node, out = sys.argv[1:]


def read_tree(path):
    with open(path, "rb") as file:
        return DeviceTree(file.read())


sddf = Sddf(sddf_dir)
sdf = SystemDescription(SystemDescription.Arch.AARCH64, 0x60000000)
host, guest = read_tree(host_file), read_tree(guest_file)
pds = {
    name: PD(name, f"{name}.elf", priority=priority)
    for name, priority in [
        ("serial_driver", 200),
        ("serial_virt_tx", 199),
        ("serial_virt_rx", 199),
        ("timer_driver", 254),
        ("CLIENT_VMM0", 1),
        ("CLIENT_VMM1", 1),
    ]
}
for pd in pds.values():
    sdf.add_pd(pd)
serial = Sddf.Serial(
    sdf, host.node(serial_node), pds["serial_driver"], pds["serial_virt_tx"], virt_rx=pds["serial_virt_rx"]
)
timer = Sddf.Timer(sdf, host.node(timer_node), pds["timer_driver"])
machines = []
for i in range(2):
    vm = VM(f"linux{i}", [VM.Vcpu(id=0)])
    machine = Vmm(sdf, pds[f"CLIENT_VMM{i}"], vm, guest, one_to_one_ram=False)
    assert machine.add_virtio_mmio_console(guest.node("virtio-console@130000"), serial)
    timer.add_client(pds[f"CLIENT_VMM{i}"])
    machines.append((machine, vm))
parts = [*(machine for machine, _ in machines), serial, timer]
for part in parts:
    assert part.connect()
for part in parts:
    assert part.serialise_config(out)
with open(os.path.join(out, "vsock.system"), "w", encoding="utf-8") as file:
    file.write(sdf.render())
# Without the wrappers' destructors, which free in the wrong order.
os._exit(0)
