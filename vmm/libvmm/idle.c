/* SPDX-License-Identifier: BSD-2-Clause */
/* When the guest's virtual timer will fire, and a timeout for it. Deadlines are counts of the machine's counter. */
#include <stdint.h>
#include <microkit.h>
#include <libvmm/libvmm.h>
#include <sddf/timer/client.h>
#include "generic_timer.h"
#include "idle.h"
#include "virtual_timer.h"

/* CNTV_CTL_EL0. */
#define TIMER_ENABLE 1
#define TIMER_IMASK 2

#define NEVER UINT64_MAX
#define NS_PER_SECOND 1000000000UL
/* Far deadlines are looked at again after this time. It keeps what is asked of the driver far from where its sums
 * overflow. */
#define WAIT_MAX_SECONDS 3600

static microkit_channel timer_channel;
static uint64_t frequency; /* 0: no guest is to block */

static bool is_blocked;
static size_t blocked_vcpu;
static uint64_t deadline;
static uint64_t armed = NEVER; /* the deadline that the timer was last asked for and has not notified of */

static uint64_t missed_count;

static uint64_t next_deadline(size_t vcpu, uint64_t now);
static void arm_timer(uint64_t now);
static uint64_t ns_of(uint64_t ticks);

bool idle_init(microkit_channel timer)
{
    timer_channel = timer;
    frequency = generic_timer_frequency();
    if (frequency == 0) {
        LOG_VMM_ERR("the machine does not say how fast its counter runs: an idle guest will spin\n");
    }
    return frequency != 0;
}

bool idle_wait(size_t vcpu)
{
    if (frequency == 0) {
        return false;
    }
    uint64_t now = generic_timer_count();
    uint64_t wanted = next_deadline(vcpu, now);
    if (wanted <= now) {
        return false;
    }
    /* First of all, so that nothing is owed to the vCPU but a resume. */
    microkit_vcpu_stop((microkit_child)vcpu);
    is_blocked = true;
    blocked_vcpu = vcpu;
    deadline = wanted;
    arm_timer(now);
    return true;
}

void idle_resume(void)
{
    if (!is_blocked) {
        return;
    }
    is_blocked = false;
    seL4_Error error = seL4_TCB_Resume(BASE_VM_TCB_CAP + blocked_vcpu);
    if (error != seL4_NoError) {
        LOG_VMM_ERR("the guest cannot be resumed, seL4 error %d\n", error);
    }
}

void idle_timer_fired(void)
{
    armed = NEVER;
    if (!is_blocked || deadline == NEVER) {
        return;
    }
    uint64_t now = generic_timer_count();
    if (deadline <= now) {
        /* The virtual timer itself fires as soon as the vCPU runs. */
        idle_resume();
    } else {
        arm_timer(now);
    }
}

bool idle_is_blocked(void)
{
    return is_blocked;
}

void idle_heartbeat(void)
{
    if (!is_blocked || deadline == NEVER || generic_timer_count() < deadline) {
        return;
    }
    missed_count++;
    armed = NEVER;
    idle_resume();
}

uint64_t idle_missed_count(void)
{
    return missed_count;
}

void idle_forget(void)
{
    is_blocked = false;
}

/* When the virtual timer fires next; a count that has passed if it should have fired already. */
static uint64_t next_deadline(size_t vcpu, uint64_t now)
{
    microkit_child child = (microkit_child)vcpu;
    seL4_Word control = microkit_vcpu_arm_read_reg(child, seL4_VCPUReg_CNTV_CTL);
    /* An event that is held was reported already; the timer stays masked until it is acknowledged. */
    if ((control & (TIMER_ENABLE | TIMER_IMASK)) != TIMER_ENABLE || virtual_timer_is_held()) {
        return NEVER;
    }
    uint64_t virtual_now = now - microkit_vcpu_arm_read_reg(child, seL4_VCPUReg_CNTVOFF);
    uint64_t compare = microkit_vcpu_arm_read_reg(child, seL4_VCPUReg_CNTV_CVAL);
    if (compare <= virtual_now) {
        return now;
    }
    uint64_t wait = compare - virtual_now;
    uint64_t wait_max = WAIT_MAX_SECONDS * frequency;
    return now + (wait < wait_max ? wait : wait_max);
}

/* Asks for a notification at the deadline, unless that was done. The driver keeps one timeout for each client. */
static void arm_timer(uint64_t now)
{
    if (deadline == NEVER || deadline == armed) {
        return;
    }
    armed = deadline;
    sddf_timer_set_timeout(timer_channel, ns_of(deadline - now));
}

/* Rounded up, and a tick more for what the driver rounds down: rather a little late than to be asked again. */
static uint64_t ns_of(uint64_t ticks)
{
    uint64_t whole = ticks / frequency * NS_PER_SECOND;
    uint64_t rest = (ticks % frequency + 1) * NS_PER_SECOND;
    return whole + rest / frequency + 1;
}
