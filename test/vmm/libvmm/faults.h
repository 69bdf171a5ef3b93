/* SPDX-License-Identifier: BSD-2-Clause */
/* What a guest does that the kernel reports: one fault each, and what becomes of it. */
#pragma once

#include "fake.h"
#include "guest_fault.h"
#include "syndrome.h"

#define PC 0xffff800080010000
#define SMC_SYNDROME (0x17UL << 26)

static inline enum guest_fault_verdict judge(seL4_Word label)
{
    struct guarded_console no_console = { .device = NULL };
    struct guest_fault fault = guest_fault_read(0, (microkit_msginfo) { label });
    return guest_fault_judge(&fault, &no_console);
}

static inline enum guest_fault_verdict access_at(uint64_t address, uint64_t syndrome, uint64_t value)
{
    fake.registers.pc = PC;
    fake.registers.x[5] = value;
    fake.message[seL4_VMFault_IP] = PC;
    fake.message[seL4_VMFault_Addr] = address;
    fake.message[seL4_VMFault_PrefetchFault] = 0;
    fake.message[seL4_VMFault_FSR] = syndrome;
    return judge(seL4_Fault_VMFault);
}

static inline enum guest_fault_verdict store_at(uint64_t address, uint32_t value)
{
    return access_at(address, data_abort(.width_log2 = 2, .rt = 5, .is_write = true), value);
}

static inline enum guest_fault_verdict smc(uint64_t function)
{
    fake.registers.x[0] = function;
    fake.message[seL4_VCPUFault_HSR] = SMC_SYNDROME;
    return judge(seL4_Fault_VCPUFault);
}

static inline enum guest_fault_verdict load_at(uint64_t address)
{
    return access_at(address, data_abort(.width_log2 = 2, .rt = 5), UINT64_MAX);
}
