/* SPDX-License-Identifier: BSD-2-Clause */
/* Starts the guest, first and again. */
#include <libvmm/libvmm.h>
#include <libvmm/arch/aarch64/hsr.h>
#include "distributor.h"
#include "guest_images.h"
#include "guest_life.h"
#include "idle.h"
#include "list_registers.h"
#include "vcpu_registers.h"
#include "virtual_timer.h"

/* The vCPU calls when it has ended all interrupts; the kernel may report an end after that. */
#define CALLS_MAX 100

#define PULSES_PER_SECOND 10

static const vmm_config_t *config;

static bool is_emptying;
static unsigned calls;

static unsigned resets_left;
static unsigned pulses; /* since one of them came back last */

static bool start(void);
static enum guest_fault_verdict start_again(void);
static bool take_from_allowance(void);

bool guest_life_begin(const vmm_config_t *guest_config)
{
    config = guest_config;
    resets_left = GUEST_LIFE_RESETS_MAX;
    pulses = 0;
    vcpu_registers_remember(GUEST_BOOT_VCPU_ID);
    return start();
}

enum guest_fault_verdict guest_life_reset(size_t vcpu)
{
    if (!take_from_allowance()) {
        LOG_VMM_ERR("guest stopped: it was reset more than %u times without running %u s for each\n",
                    GUEST_LIFE_RESETS_MAX, GUEST_LIFE_SECONDS_PER_RESET);
        return GUEST_FAULT_STOP;
    }
    LOG_VMM("guest reset, %u more allowed at once\n", resets_left);
    microkit_vcpu_stop((microkit_child)vcpu);
    idle_forget();
    vcpu_registers_restore(vcpu);
    virtual_timer_reset(vcpu);
    distributor_reset(vcpu);
    is_emptying = list_registers_are_in_use(vcpu) && list_registers_empty(vcpu, config->ram);
    calls = 0;
    return is_emptying ? GUEST_FAULT_RESTARTED : start_again();
}

void guest_life_pulse(void)
{
    if (resets_left == GUEST_LIFE_RESETS_MAX) {
        return;
    }
    pulses++;
    if (pulses == GUEST_LIFE_SECONDS_PER_RESET * PULSES_PER_SECOND) {
        pulses = 0;
        resets_left++;
    }
}

bool guest_life_owns(const struct guest_fault *fault)
{
    /* How interrupts end is libvmm's business in any life. */
    return is_emptying && fault->label != seL4_Fault_VGICMaintenance;
}

enum guest_fault_verdict guest_life_judge(const struct guest_fault *fault)
{
    bool is_call = fault->label == seL4_Fault_VCPUFault
                && HSR_EXCEPTION_CLASS(fault->words[seL4_VCPUFault_HSR]) == HSR_SMC_64_EXCEPTION;
    calls++;
    if (is_call && list_registers_are_in_use(fault->vcpu) && calls < CALLS_MAX) {
        return GUEST_FAULT_DONE;
    }
    /* What is still there stays libvmm's, so that nothing is put on top of it. */
    if (list_registers_are_in_use(fault->vcpu)) {
        LOG_VMM("an interrupt of the guest's former life could not be ended\n");
    }
    is_emptying = false;
    microkit_vcpu_stop((microkit_child)fault->vcpu);
    vcpu_registers_restore(fault->vcpu);
    return start_again();
}

static bool start(void)
{
    uint64_t entry = guest_images_place(config);
    return entry != 0 && guest_start(entry, config->dtb, config->initrd);
}

static enum guest_fault_verdict start_again(void)
{
    return start() ? GUEST_FAULT_RESTARTED : GUEST_FAULT_STOP;
}

static bool take_from_allowance(void)
{
    if (resets_left == 0) {
        return false;
    }
    resets_left--;
    return true;
}
