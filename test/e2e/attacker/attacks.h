// SPDX-License-Identifier: BSD-2-Clause
// What every attacker does in a loop and survives: random and chosen accesses to all that is emulated, rings of garbage,
// calls to the firmware, timers and interrupts that nobody handles.
#pragma once

#include "machine.h"

static uint64_t attack_rounds;

static inline void access_at_random(uint64_t device, uint64_t size, unsigned times)
{
    for (unsigned i = 0; i < times; i += 1) {
        unsigned width = 1U << random_below(4);
        access_device(device + random_below(size / width) * width, width, random_below(2) != 0, random_number());
    }
}

static inline void attack_distributor(void)
{
    static const uint16_t offsets[] = { 0xf10, 0xf1c, 0xf20, 0xf2c, 0x17c, 0x1fc, 0x27c, 0x2fc, 0x200, 0x100 };
    access_at_random(DISTRIBUTOR, 0x1000, 50);
    for (unsigned i = 0; i < sizeof(offsets) / sizeof(offsets[0]); i += 1)
        store(DISTRIBUTOR + offsets[i], UINT32_MAX);
    // Interrupts to itself until no list register is left, forgotten and sent again.
    store(DISTRIBUTOR, 1);
    for (unsigned i = 0; i < 40; i += 1) {
        store(DISTRIBUTOR + 0xf00, 0x02000000 | (uint32_t)random_below(16));
        store(DISTRIBUTOR + 0xf00, (uint32_t)random_number());
        if (i % 8 == 0)
            store(DISTRIBUTOR + 0x280, UINT32_MAX);
    }
}

// The CPU interface is the hardware's own; what is done to it shows in list registers and maintenance interrupts.
static inline void attack_cpu_interface(void)
{
    static const uint16_t offsets[] = { 0x00, 0x04, 0x08, 0x10, 0x1c, 0x20, 0x24, 0xd0, 0xe0 };
    for (unsigned i = 0; i < 20; i += 1) {
        (void)load(CPU_INTERFACE + 0x0c);
        store(CPU_INTERFACE + offsets[random_below(sizeof(offsets) / sizeof(offsets[0]))], (uint32_t)random_number());
    }
    // All that is left, ended.
    store(CPU_INTERFACE + 0x04, 0xff);
    store(CPU_INTERFACE, 1);
    for (unsigned i = 0; i < 8; i += 1)
        store(CPU_INTERFACE + 0x10, load(CPU_INTERFACE + 0x0c));
}

static inline void attack_console(void)
{
    access_at_random(CONSOLE, 0x200, 40);
    for (unsigned i = 0; i < 20; i += 1)
        store(CONSOLE + 0x70, (uint32_t)random_number() & 0xff);
    store(CONSOLE + 0x30, (uint32_t)random_number());
    store(CONSOLE + 0x44, 1);
    store(CONSOLE + 0x70, 0);
}

static inline void fill_with_garbage(uint64_t start, uint64_t size)
{
    for (uint64_t address = start; address < start + size; address += 8) {
        // Now and then something that could be a descriptor.
        uint64_t value = random_below(4) == 0 ? RAM + random_below(RAM_SIZE) : random_number();
        *(volatile uint64_t *)address = value;
    }
}

static inline void attack_socket(void)
{
    access_at_random(SOCKET, 0x200, 40);
    store(SOCKET + 0x70, 0);
    store(SOCKET + 0x70, 1);
    store(SOCKET + 0x70, 3);
    store(SOCKET + 0x24, 1);
    store(SOCKET + 0x20, 1);
    store(SOCKET + 0x24, 0);
    store(SOCKET + 0x20, random_below(2) != 0 ? 2 : (uint32_t)random_number());
    store(SOCKET + 0x70, 11);
    for (uint32_t queue = 0; queue < 3; queue += 1) {
        store(SOCKET + 0x30, queue);
        store(SOCKET + 0x38, 1U << random_below(8));
        for (unsigned i = 0; i < 3; i += 1) {
            store(SOCKET + 0x80 + 0x10 * i, (uint32_t)(SCRATCH + 0x1000 * random_below(16)));
            store(SOCKET + 0x84 + 0x10 * i, 0);
        }
        store(SOCKET + 0x44, 1);
    }
    store(SOCKET + 0x70, 15);
    for (unsigned i = 0; i < 4; i += 1) {
        fill_with_garbage(SCRATCH, 0x4000);
        store(SOCKET + 0x50, (uint32_t)random_below(4));
    }
    access_at_random(SOCKET, 0x200, 20);
}

static inline void attack_firmware(void)
{
    static const uint32_t functions[] = { 0x84000000, 0x84000001, 0x84000002, 0xc4000003, 0x84000004, 0x84000005,
                                          0x84000006, 0x8400000a, 0x8400000b, 0x84000013, 0x8400001e, 0x8400001f };
    smc(functions[random_below(sizeof(functions) / sizeof(functions[0]))], random_below(20), random_number(), 0);
    // Any service; but not the two calls that end a life.
    uint32_t function = (uint32_t)random_number();
    if ((function & 0xffff) < 8 || (function & 0xffff) > 0x12)
        smc(function, random_number(), random_number(), random_number());
}

static inline void attack_timer(void)
{
    // A timer that fires while the distributor has it off, on and off again; waits that end at once.
    __asm__ volatile("msr cntv_cval_el0, xzr\n mov x9, #1\n msr cntv_ctl_el0, x9\n isb" : : : "x9");
    store(DISTRIBUTOR + 0x180, UINT32_MAX);
    store(DISTRIBUTOR + 0x100, UINT32_MAX);
    store(DISTRIBUTOR, 0);
    store(DISTRIBUTOR, 1);
    __asm__ volatile("wfi\n wfe\n msr cntv_ctl_el0, xzr\n isb");
}

static inline void attack_with_instructions(void)
{
    uint64_t value = random_number();
    __asm__ volatile("brk #1");
    __asm__ volatile(".word 0");                               // undefined
    __asm__ volatile("msr vttbr_el2, %0" : : "r"(value));      // not ours: undefined at EL1
    __asm__ volatile("msr mdscr_el1, xzr");
    __asm__ volatile("mrs %0, id_aa64pfr0_el1" : "=r"(value));
    __asm__ volatile("dc isw, xzr\n dsb sy\n tlbi vmalle1\n ic iallu\n dsb sy\n isb");
    __asm__ volatile("msr contextidr_el1, %0\n msr tpidr_el1, %0\n msr far_el1, %0" : : "r"(value));
}

static inline void leave_alone(void)
{
    store(SOCKET + 0x70, 0);
    store(CONSOLE + 0x70, 0);
    for (unsigned i = 0; i < 4; i += 1)
        store(CPU_INTERFACE + 0xd0 + 4 * i, 0);
    store(CPU_INTERFACE + 0x08, 0);
}

static inline void attack_round(void)
{
    attack_distributor();
    attack_cpu_interface();
    attack_console();
    attack_socket();
    attack_firmware();
    attack_timer();
    attack_with_instructions();
    leave_alone();
    attack_rounds += 1;
}
