/* SPDX-License-Identifier: BSD-2-Clause */
/* Holds timer events that the guest cannot take yet. One vCPU, so one event at most is held. */
#include <microkit.h>
#include <libvmm/libvmm.h>
#include <libvmm/arch/aarch64/vgic/vgic.h>
#include "distributor.h"
#include "virtual_timer.h"

#define VIRTUAL_TIMER_INTERRUPT 27

static bool is_held;
static uint32_t held_interrupt;
static uint64_t held_count;

void virtual_timer_fired(size_t vcpu, uint32_t interrupt)
{
    if (distributor_accepts(vcpu, interrupt) && vgic_inject_irq(vcpu, (int)interrupt)) {
        return;
    }
    if (held_count == 0) {
        LOG_VMM("the virtual timer fired before the guest enabled it: held until it can\n");
    }
    is_held = true;
    held_interrupt = interrupt;
    held_count++;
}

void virtual_timer_release(size_t vcpu)
{
    if (is_held) {
        is_held = false;
        microkit_vcpu_arm_ack_vppi((microkit_child)vcpu, held_interrupt);
    }
}

void virtual_timer_reset(size_t vcpu)
{
    is_held = false;
    microkit_vcpu_arm_ack_vppi((microkit_child)vcpu, VIRTUAL_TIMER_INTERRUPT);
}

bool virtual_timer_is_held(void)
{
    return is_held;
}

uint64_t virtual_timer_held_count(void)
{
    return held_count;
}
