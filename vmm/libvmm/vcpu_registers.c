/* SPDX-License-Identifier: BSD-2-Clause */
/* Keeps all registers that seL4 names (sel4_arch/constants.h, seL4_VCPUReg), whatever they are. */
#include <libvmm/libvmm.h>
#include "vcpu_registers.h"

static seL4_Word values[seL4_VCPUReg_Num];

void vcpu_registers_remember(size_t vcpu)
{
    for (unsigned i = 0; i < seL4_VCPUReg_Num; i++) {
        values[i] = microkit_vcpu_arm_read_reg((microkit_child)vcpu, i);
    }
}

void vcpu_registers_restore(size_t vcpu)
{
    for (unsigned i = 0; i < seL4_VCPUReg_Num; i++) {
        microkit_vcpu_arm_write_reg((microkit_child)vcpu, i, values[i]);
    }
}
