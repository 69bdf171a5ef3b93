# SPDX-License-Identifier: BSD-2-Clause
"""Describes systems with the real sdfgen package, for test/meta/sdfgen-oracle.test.ts to compare with.

Reads JSON on stdin: {"sddf": dir, "out": dir, "host": dtb file, "guest": dtb file, "serial": node path,
"timer": node path, "variants": [...]}.
Writes JSON on stdout: a list of {"system": text, "data": {file name: hex}}, one per variant.
"""
import json
import os
import sys

from sdfgen import DeviceTree, Sddf, SystemDescription, Vmm

PD = SystemDescription.ProtectionDomain
VM = SystemDescription.VirtualMachine
MR = SystemDescription.MemoryRegion
Map = SystemDescription.Map
Channel = SystemDescription.Channel
Irq = SystemDescription.IrqConventional

# The package's wrappers free what others still point to: everything lives until the end.
alive = []


def keep(thing):
    alive.append(thing)
    return thing


def read_tree(path):
    with open(path, "rb") as file:
        return keep(DeviceTree(file.read()))


def describe(given, index):
    v = given["variants"][index]
    sdf = keep(SystemDescription(SystemDescription.Arch.AARCH64, v["paddrTop"]))
    host, guest = read_tree(given["host"]), read_tree(given["guest"])

    def pd(name, **options):
        made = keep(PD(name, f"{name}.elf", **options))
        sdf.add_pd(made)
        return made

    vmms = [pd(f"VMM{i}", priority=v["priority"] - i, stack_size=v["stack"]) for i in range(v["vmms"])]
    driver, virt_tx = pd("serial_driver", priority=200), pd("serial_virt_tx", priority=199)
    virt_rx = pd("serial_virt_rx", priority=199, stack_size=v["stack"]) if v["rx"] else None
    clients = [pd(f"client{i}", priority=1) for i in range(v["clients"])]
    timer_driver = pd("timer_driver", priority=254)

    for region in v["regions"]:
        mr = keep(MR(sdf, region["name"], region["size"], physical=region["physical"]))
        sdf.add_mr(mr)
        owner = clients[0]
        owner.add_map(keep(Map(mr, owner.get_map_vaddr(mr), region["perms"], cached=region["cached"])))
    for irq in v["irqs"]:
        trigger = Irq.Trigger.EDGE if irq["trigger"] == "edge" else Irq.Trigger.LEVEL
        clients[0].add_irq(keep(Irq(irq["irq"], trigger=trigger, id=irq["id"])))
    for link in v["links"]:
        sdf.add_channel(keep(Channel(clients[0], driver, a_id=link["id"], notify_a=link["notify"])))

    serial = keep(
        Sddf.Serial(
            sdf,
            keep(host.node(given["serial"])) if v["device"] else None,
            driver,
            virt_tx,
            virt_rx=virt_rx,
            enable_color=v["colour"],
            baud_rate=v["baud"],
            begin_str=v["begin"],
        )
    )
    machines = []
    for i, vmm in enumerate(vmms):
        vm = keep(VM(f"linux{i}", [VM.Vcpu(id=n) for n in range(v["vcpus"])]))
        machine = keep(Vmm(sdf, vmm, vm, guest, one_to_one_ram=False))
        assert machine.add_virtio_mmio_console(keep(guest.node("virtio-console@130000")), serial)
        if v["passthroughIrq"] is not None and i == 0:
            assert machine.add_passthrough_irq(keep(Irq(v["passthroughIrq"], trigger=Irq.Trigger.LEVEL)))
        machines.append(machine)
    for client in clients:
        serial.add_client(client)

    systems = [serial, *machines] if v["serialFirst"] else [*machines, serial]
    if v["timer"] is not None:
        node = keep(host.node(given["timer"])) if v["timer"]["device"] else None
        timer = keep(Sddf.Timer(sdf, node, timer_driver))
        for client in [*clients, *vmms]:
            timer.add_client(client)
        systems = [timer, *systems] if v["timer"]["isFirst"] else [*systems, timer]
    for system in systems:
        assert system.connect()
    directory = os.path.join(given["out"], str(index))
    os.makedirs(directory)
    for system in systems:
        assert system.serialise_config(directory)
    return {"system": sdf.render(), "data": read_data(directory)}


def read_data(directory):
    found = {}
    for name in os.listdir(directory):
        if name.endswith(".data"):
            with open(os.path.join(directory, name), "rb") as file:
                found[name] = file.read().hex()
    return found


given = json.load(sys.stdin)
keep(Sddf(given["sddf"]))
json.dump([describe(given, index) for index in range(len(given["variants"]))], sys.stdout)
sys.stdout.flush()
# Without the wrappers' destructors, which free in the wrong order.
os._exit(0)
