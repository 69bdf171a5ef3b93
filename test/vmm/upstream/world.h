/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A guest of the real libvmm on the host: one vCPU, 64 KiB of RAM, a console. Each finding runs in a process of its own,
 * which ends by what libvmm does: a failed assertion, an access that a sanitizer stops, or what the finding looks at.
 */
#pragma once

#include <microkit.h>
#include <libvmm/libvmm.h>
#include <libvmm/arch/aarch64/vgic/vgic.h>
#include <libvmm/arch/aarch64/vgic/virq.h>
#if defined(FAKE_GIC_V3)
#include <libvmm/arch/aarch64/vgic/vgic_v3.h>
#else
#include <libvmm/arch/aarch64/vgic/vgic_v2.h>
#endif

#define RAM 0x40000000UL
#define RAM_SIZE 0x10000UL
#define CONSOLE_BASE 0x130000UL
#define CONSOLE_IRQ 74
#define SERIAL_CAPACITY 1024

enum outcome {
    NOT_SHOWN,
    ASSERTION, /* in a debug build libvmm's assertion ends the VMM */
    MEMORY,    /* an access out of bounds or to nowhere, or undefined arithmetic */
    SHOWN,     /* wrong, as the finding says, but the VMM lives */
};

struct finding {
    const char *name; /* as in docs/libvmm-findings.md */
    enum outcome debug;
    enum outcome release;
    bool (*run)(void); /* true: shown */
};

extern const struct finding findings[];
extern const unsigned num_findings;

/* All that the fake kernel was told. */
extern struct world {
    seL4_Word message[16];
    seL4_UserContext registers; /* of the vCPU */
    unsigned lines;             /* printed */
    unsigned acknowledged;      /* timer events */
    unsigned restarts;
    unsigned stops;
    int list_registers[4]; /* what was injected into each, or -1 */
    seL4_Word system_registers[seL4_VCPUReg_Num];
    uint8_t ram[RAM_SIZE] __attribute__((aligned(4096)));
} world;
extern struct virtio_console_device console;
extern serial_queue_t serial_rx, serial_tx;

void world_begin(void);

/* One access of 4 bytes by W5; ISV as given. False: libvmm could not handle it, which stops the guest. */
bool store(uint64_t address, uint32_t value);
bool load(uint64_t address, unsigned register_number);
bool fault_with(uint64_t address, uint64_t syndrome);
bool call(uint64_t function); /* SMC */
bool timer_event(void);
bool list_register_ends(int index);

void *ram_at(uint64_t guest_physical);

/* A console whose queues are where a driver puts them. */
void console_set_up(void);
