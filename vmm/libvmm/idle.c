/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * When the guest's virtual timer will fire, and a timeout for it. Deadlines are counts of the machine's counter. Where it
 * cannot be read, every deadline but NEVER is now, nothing is asked of the timer, and the next heartbeat finds it passed.
 */
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
static uint64_t frequency; /* 0: the counter cannot be read */

static bool is_blocked;
static size_t blocked_vcpu;
static uint64_t deadline;
static uint64_t wake = NEVER;  /* what idle_wake_within() asks for */
static uint64_t armed = NEVER; /* the deadline that the timer was last asked for and has not notified of */

static uint64_t missed_count;

static uint64_t next_deadline(size_t vcpu, uint64_t now);
static uint64_t earliest(void);
static void arm_timer(uint64_t now);
static uint64_t ticks_of(uint64_t ns);
static uint64_t ns_of(uint64_t ticks);

void idle_init(microkit_channel timer)
{
    timer_channel = timer;
    frequency = generic_timer_is_readable() ? generic_timer_frequency() : 0;
    if (frequency == 0) {
        LOG_VMM("the machine's counter is out of reach: an idle guest looks with every heartbeat\n");
    }
}

bool idle_wait(size_t vcpu)
{
#if defined(VMM_SPINS_WHEN_IDLE)
    /* What libvmm does, for bench/idle.ts to compare with. */
    return false;
#endif
    uint64_t now = generic_timer_count();
    uint64_t wanted = next_deadline(vcpu, now);
    if (wanted <= now && frequency != 0) {
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

void idle_wake_within(uint64_t ns)
{
    uint64_t now = generic_timer_count();
    uint64_t wanted = now + ticks_of(ns);
    if (wanted < wake) {
        wake = wanted;
        arm_timer(now);
    }
}

bool idle_timer_fired(void)
{
    armed = NEVER;
    uint64_t now = generic_timer_count();
    bool is_asked_for = wake <= now;
    if (is_asked_for) {
        wake = NEVER;
    }
    if (is_blocked && deadline <= now) {
        /* The virtual timer itself fires as soon as the vCPU runs. */
        idle_resume();
    }
    arm_timer(now);
    return is_asked_for;
}

bool idle_is_blocked(void)
{
    return is_blocked;
}

bool idle_heartbeat(void)
{
    if (generic_timer_count() < earliest()) {
        return false;
    }
    if (frequency != 0) {
        missed_count++;
    }
    return idle_timer_fired();
}

uint64_t idle_missed_count(void)
{
    return missed_count;
}

void idle_forget(void)
{
    is_blocked = false;
    wake = NEVER;
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
    if (frequency == 0) {
        return now;
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

static uint64_t earliest(void)
{
    return is_blocked && deadline < wake ? deadline : wake;
}

/* Asks for a notification at what comes first, unless that was done. The driver keeps one timeout for each client. */
static void arm_timer(uint64_t now)
{
    uint64_t next = earliest();
    if (next == NEVER || next == armed || frequency == 0) {
        return;
    }
    armed = next;
    sddf_timer_set_timeout(timer_channel, ns_of(next - now));
}

/* Of a time that is no longer than a guest may wait; one that is counts as that. */
static uint64_t ticks_of(uint64_t ns)
{
    uint64_t seconds = ns / NS_PER_SECOND;
    if (seconds >= WAIT_MAX_SECONDS) {
        return WAIT_MAX_SECONDS * frequency;
    }
    return seconds * frequency + ns % NS_PER_SECOND * frequency / NS_PER_SECOND;
}

/* Rounded up, and a tick more for what the driver rounds down: rather a little late than to be asked again. */
static uint64_t ns_of(uint64_t ticks)
{
    uint64_t whole = ticks / frequency * NS_PER_SECOND;
    uint64_t rest = (ticks % frequency + 1) * NS_PER_SECOND;
    return whole + rest / frequency + 1;
}
