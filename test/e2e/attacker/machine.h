// SPDX-License-Identifier: BSD-2-Clause
// What the bare-metal attacker has of its machine: registers, traps, the counter, SMC, random numbers.
#pragma once

#include <stddef.h>
#include <stdint.h>

// Guest physical, as boards/qemu_virt_aarch64 and boards/example-guest.ts have them.
#define DISTRIBUTOR 0x8000000UL
#define CPU_INTERFACE 0x8010000UL
#define CONSOLE 0x130000UL
#define SOCKET 0x140000UL
#define RAM 0x40000000UL
#define RAM_SIZE 0x8000000UL
// Beyond the image, so that it is as the former life left it.
#define KEPT (RAM + 0x1000000UL)
#define SCRATCH (RAM + 0x2000000UL)
#define SCRATCH_SIZE 0x100000UL

enum { SMC_PSCI_VERSION = 0x84000000, SMC_SYSTEM_OFF = 0x84000008, SMC_SYSTEM_RESET = 0x84000009 };

extern uint64_t random_state;
extern volatile uint64_t traps; // of ours, by our own mistakes
extern volatile uint64_t interrupts;
extern volatile int reset_in_handler;

static inline void store(uint64_t address, uint32_t value)
{
    __asm__ volatile("str %w1, [%0]" : : "r"(address), "r"(value) : "memory");
}

static inline uint32_t load(uint64_t address)
{
    uint32_t value;
    __asm__ volatile("ldr %w0, [%1]" : "=r"(value) : "r"(address) : "memory");
    return value;
}

// One access of 1, 2, 4 or 8 bytes, as a compiler would never choose them.
static inline uint64_t access_device(uint64_t address, unsigned width, int is_write, uint64_t value)
{
    switch (width << 1 | (unsigned)is_write) {
    case 2: __asm__ volatile("ldrb %w0, [%1]" : "=r"(value) : "r"(address) : "memory"); break;
    case 3: __asm__ volatile("strb %w0, [%1]" : : "r"(value), "r"(address) : "memory"); break;
    case 4: __asm__ volatile("ldrh %w0, [%1]" : "=r"(value) : "r"(address) : "memory"); break;
    case 5: __asm__ volatile("strh %w0, [%1]" : : "r"(value), "r"(address) : "memory"); break;
    case 8: __asm__ volatile("ldr %w0, [%1]" : "=r"(value) : "r"(address) : "memory"); break;
    case 9: __asm__ volatile("str %w0, [%1]" : : "r"(value), "r"(address) : "memory"); break;
    case 16: __asm__ volatile("ldr %0, [%1]" : "=r"(value) : "r"(address) : "memory"); break;
    default: __asm__ volatile("str %0, [%1]" : : "r"(value), "r"(address) : "memory"); break;
    }
    return value;
}

static inline uint64_t smc(uint64_t function, uint64_t a, uint64_t b, uint64_t c)
{
    register uint64_t x0 __asm__("x0") = function;
    register uint64_t x1 __asm__("x1") = a;
    register uint64_t x2 __asm__("x2") = b;
    register uint64_t x3 __asm__("x3") = c;
    __asm__ volatile("smc #0" : "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x3) : : "memory");
    return x0;
}

static inline uint64_t ticks(void)
{
    uint64_t value;
    __asm__ volatile("isb\n mrs %0, cntvct_el0" : "=r"(value));
    return value;
}

static inline uint64_t ticks_of_ms(uint64_t ms)
{
    uint64_t hz;
    __asm__ volatile("mrs %0, cntfrq_el0" : "=r"(hz));
    return hz * ms / 1000;
}

static inline void mask_interrupts(int is_masked)
{
    if (is_masked)
        __asm__ volatile("msr daifset, #2" : : : "memory");
    else
        __asm__ volatile("msr daifclr, #2" : : : "memory");
}

static inline uint64_t random_number(void)
{
    random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return random_state >> 29;
}

static inline uint64_t random_below(uint64_t limit)
{
    return random_number() % limit;
}
