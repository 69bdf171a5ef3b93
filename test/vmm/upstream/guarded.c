/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Our guards (vmm/libvmm) in front of the real libvmm, and a guest that does anything: random and chosen accesses to all
 * that is emulated, rings of garbage, calls, interrupts that end in any order. No assertion of libvmm's may fail, no access
 * go astray; and few lines may be printed. What stops the guest does not count: it begins again. Compiled WITHOUT_GUARDS the same guest ends libvmm soon.
 */
#include "world.h"
#include <stdio.h>
#include <stdlib.h>
#include "console_guard.h"
#include "distributor.h"
#include "guest_fault.h"
#include "virtual_timer.h"
#include "vsock_seat.h"

#define DATA_ABORT (0x24UL << 26)

static uint64_t state = 1;
static unsigned stops, resets, interrupts_ended;
static bool is_stopped;

void microkit_mr_set(seL4_Uint8 index, seL4_Word value)
{
    world.message[index] = value;
}

/* This world has no socket; libvmm never sees its registers. */
bool vsock_seat_has_register(uint64_t address)
{
    (void)address;
    return false;
}

void vsock_seat_access(const struct guest_access *access, uint64_t *value)
{
    (void)access, (void)value;
    abort();
}

static uint32_t random_number(void)
{
    state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(state >> 32);
}

static uint32_t below(uint32_t limit)
{
    return random_number() % limit;
}

/* As vmm/client_vmm.c does it. */
static void guest_does(seL4_Word label)
{
#if defined(WITHOUT_GUARDS)
    (void)fault_handle(0, (microkit_msginfo) { label });
    return;
#endif
    struct guarded_console guarded = { .device = &console, .base = CONSOLE_BASE, .size = 0x200 };
    struct guest_fault fault = guest_fault_read(0, (microkit_msginfo) { label });
    enum guest_fault_verdict verdict = guest_fault_judge(&fault, &guarded);
    resets += verdict == GUEST_FAULT_RESET;
    if (verdict == GUEST_FAULT_RESET) {
        console_reset(&console);
        virtual_timer_reset(0);
        distributor_reset(0);
    }
    is_stopped = verdict == GUEST_FAULT_STOP
              || (verdict == GUEST_FAULT_FOR_LIBVMM && !fault_handle(0, (microkit_msginfo) { label }));
    if (label == seL4_Fault_VMFault) {
        virtual_timer_release(0);
    }
    stops += is_stopped;
}

static void access_word(uint64_t address, unsigned width_log2, bool is_write, unsigned rt, uint32_t value)
{
    world.registers.x5 = value;
    world.message[seL4_VMFault_IP] = world.registers.pc;
    world.message[seL4_VMFault_PrefetchFault] = 0;
    world.message[seL4_VMFault_Addr] = address;
    world.message[seL4_VMFault_FSR] =
        DATA_ABORT | 1UL << 24 | (uint64_t)width_log2 << 22 | (uint64_t)rt << 16 | (uint64_t)is_write << 6;
    guest_does(seL4_Fault_VMFault);
}

static void put(uint64_t address, uint32_t value)
{
    access_word(address, 2, true, 5, value);
}

static void access_anything(void)
{
    static const struct {
        uint64_t base, size;
    } places[] = {
        { GIC_DIST_PADDR, GIC_DIST_SIZE }, { GIC_DIST_PADDR, 0x1000 }, { CONSOLE_BASE, 0x200 },
#if defined(FAKE_GIC_V3)
        { GIC_REDIST_PADDR, GIC_REDIST_TOTAL_SIZE }, { GIC_REDIST_PADDR + 0x10000, 0x1000 },
#endif
    };
    unsigned i = below(sizeof places / sizeof places[0]), width_log2 = below(4);
    uint64_t offset = below((uint32_t)places[i].size) & ~((1UL << width_log2) - 1);
    uint32_t value = below(3) == 0 ? UINT32_MAX : below(2) == 0 ? 1U << below(32) : random_number();
    access_word(places[i].base + offset, width_log2, below(3) != 0, below(8) == 0 ? 31 : 5, value);
}

static void use_console(void)
{
    put(CONSOLE_BASE + 0x70, 0);
    console_set_up();
    for (unsigned i = 0; i < RAM_SIZE / 8; i++) {
        uint64_t value = (uint64_t)random_number() << 32 | random_number();
        ((uint64_t *)world.ram)[i] = below(3) == 0 ? RAM + below(RAM_SIZE) : value;
    }
    for (unsigned queue = 0; queue < 2; queue++) {
        struct virtq_desc *descriptors = ram_at(RAM + 0x3000 * queue);
        for (unsigned i = 0; i < 4; i++) {
            descriptors[i].len = below(4) == 0 ? random_number() : below(300);
            descriptors[i].flags = (uint16_t)(below(8) == 0 ? random_number() : (queue == 0 ? 2 : 0) | below(2));
            descriptors[i].next = (uint16_t)below(5);
            descriptors[i].addr = RAM + 0x8000 + below(0x8200);
        }
        struct virtq_avail *available = ram_at(RAM + 0x3000 * queue + 0x1000);
        available->idx = (uint16_t)below(6);
        for (unsigned i = 0; i < 4; i++) {
            available->ring[i] = (uint16_t)below(below(8) == 0 ? 65536 : 4);
        }
    }
    serial_rx.tail = serial_rx.head + below(100);
    serial_tx.head = serial_tx.tail - below(SERIAL_CAPACITY);
    put(CONSOLE_BASE + 0x30, below(3));
    put(CONSOLE_BASE + 0x50, below(2));
    if (console_queues_are_sound(&console)) {
        (void)virtio_console_queue_notify(&console);
    }
}

static void call_anything(void)
{
    static const uint32_t functions[] = { 0x84000000, 0xc4000003, 0x84000006, 0x84000009, 0x8400000a, 0xc4000012 };
    uint32_t function = below(3) == 0 ? random_number() : functions[below(sizeof functions / sizeof functions[0])];
    world.registers.x0 = function;
    world.registers.x1 = below(20);
    world.message[seL4_VCPUFault_HSR] = 0x17UL << 26;
    guest_does(seL4_Fault_VCPUFault);
    world.message[seL4_UnknownSyscall_Syscall] = below(100);
    guest_does(seL4_Fault_UnknownSyscall);
    /* ICC_SGI1R_EL1 and ICC_SRE_EL1 where there is a GICv3, and others. */
    world.registers.x5 = (uint64_t)random_number() << 32 | random_number();
    bool is_sgi = below(2) != 0;
    world.message[seL4_VCPUFault_HSR] = 0x18UL << 26 | 1UL << 25 | 3UL << 20 | 5UL << 17 | 12UL << 10
                                      | (is_sgi ? 11UL : 12UL) << 1 | (below(2) != 0 ? 31UL : 5UL) << 5 | !is_sgi;
#if defined(FAKE_GIC_V3)
    guest_does(seL4_Fault_VCPUFault);
#endif
}

static void have_interrupts(void)
{
    put(GIC_DIST_PADDR, GIC_ENABLED);
    put(GIC_DIST_PADDR + 0x100 + 4 * below(4), UINT32_MAX);
    for (unsigned i = below(40); i > 0; i--) {
        put(GIC_DIST_PADDR + 0xf00, 0x02000000 | below(16));
        put(GIC_DIST_PADDR + 0x200 + 4 * below(32), random_number());
    }
    world.message[seL4_VPPIEvent_IRQ] = 27;
    guest_does(seL4_Fault_VPPIEvent);
    /* The kernel reports ends of what was injected, and now and then of nothing. */
    for (unsigned i = below(12); i > 0; i--) {
        int index = (int)below(5) - 1;
        bool was_taken = index >= 0 && world.list_registers[index] >= 0;
        if (!was_taken && below(4) != 0) {
            continue;
        }
        if (was_taken) {
            world.list_registers[index] = -1;
        }
        interrupts_ended += was_taken;
        world.message[seL4_VGICMaintenance_IDX] = (seL4_Word)index;
        guest_does(seL4_Fault_VGICMaintenance);
    }
}

static int run(unsigned rounds)
{
    world_begin();
    for (unsigned i = 0; i < rounds; i++) {
        unsigned what = below(16);
        if (what == 0) {
            use_console();
        } else if (what == 1) {
            call_anything();
        } else if (what < 5) {
            have_interrupts();
        } else {
            access_anything();
        }
    }
    fprintf(stdout, "%u rounds: %u stops, %u resets, %u interrupts ended, %u lines\n", rounds, stops, resets,
            interrupts_ended, world.lines);
    return 0;
}

int main(int count, char **words)
{
    unsigned rounds = count > 1 ? (unsigned)strtoul(words[1], NULL, 0) : 100000;
    state = count > 2 ? strtoul(words[2], NULL, 0) : 1;
    return run(rounds);
}
