/* SPDX-License-Identifier: BSD-2-Clause */
/* When a guest that waits is stopped, what is asked of the timer, and what makes the guest go on. */
#include "../harness.h"
#include "fake.h"
#include "faults.h"
#include "idle.h"
#include "virtual_timer.h"

#define CHANNEL 9
#define MEGAHERTZ 1000000UL
#define OFFSET 500UL

/* The stage is one per program: what a test leaves behind is forgotten here. The counter runs at 1 MHz, so that a tick
 * is a microsecond, and the guest's is behind it by OFFSET. */
static void set_up(void)
{
    fake_reset();
    virtual_timer_release(0);
    fake_reset();
    fake.frequency = MEGAHERTZ;
    fake.count = 10000;
    fake.vcpu_registers[seL4_VCPUReg_CNTVOFF] = OFFSET;
    idle_forget();
    idle_timer_fired();
    idle_init(CHANNEL);
}

/* The guest's timer will fire when the machine's counter is there. */
static void set_guest_timer(uint64_t count)
{
    fake.vcpu_registers[seL4_VCPUReg_CNTV_CTL] = 1;
    fake.vcpu_registers[seL4_VCPUReg_CNTV_CVAL] = count - OFFSET;
}

TEST(idle_guest_blocks_until_its_timer_is_due)
{
    set_up();
    set_guest_timer(12000);
    CHECK(idle_wait(0));
    CHECK_EQUAL(fake.stops, 1);
    CHECK_EQUAL(fake.timeouts, 1);
    CHECK_EQUAL(fake.timeout_channel, CHANNEL);
    /* Never early, and late by no more than what the driver's rounding could take away. */
    CHECK(fake.timeout_ns >= 2000000 && fake.timeout_ns <= 2002000);

    fake.count = 12000;
    idle_timer_fired();
    CHECK_EQUAL(fake.resumes, 1);
    CHECK_EQUAL(fake.resumed, BASE_VM_TCB_CAP);
    idle_timer_fired();
    CHECK_EQUAL(fake.resumes, 1);
}

TEST(idle_guest_whose_timer_is_due_goes_on_at_once)
{
    set_up();
    set_guest_timer(10000);
    CHECK(!idle_wait(0));
    set_guest_timer(9000);
    CHECK(!idle_wait(0));
    CHECK_EQUAL(fake.stops, 0);
    CHECK_EQUAL(fake.timeouts, 0);
    set_guest_timer(10001);
    CHECK(idle_wait(0));
}

TEST(idle_guest_without_a_timer_blocks_until_something_else_comes)
{
    /* Off, masked, off and masked, and due but off. */
    static const uint64_t controls[] = { 0, 3, 2, 4 };
    for (unsigned i = 0; i < sizeof controls / sizeof controls[0]; i++) {
        set_up();
        set_guest_timer(9000);
        fake.vcpu_registers[seL4_VCPUReg_CNTV_CTL] = controls[i];
        CHECK(idle_wait(0));
        CHECK_EQUAL(fake.timeouts, 0);
        idle_timer_fired();
        CHECK_EQUAL(fake.resumes, 0);
        idle_resume();
        idle_resume();
        CHECK_EQUAL(fake.resumes, 1);
    }
}

TEST(idle_guest_with_a_held_timer_event_blocks_without_deadline)
{
    set_up();
    fake.message[seL4_VPPIEvent_IRQ] = 27;
    CHECK_EQUAL(judge(seL4_Fault_VPPIEvent), GUEST_FAULT_DONE);
    set_guest_timer(9000);
    CHECK(idle_wait(0));
    CHECK_EQUAL(fake.timeouts, 0);
    virtual_timer_release(0);
    idle_resume();
    CHECK(!idle_wait(0));
}

TEST(idle_timeout_is_armed_only_when_it_changes)
{
    set_up();
    set_guest_timer(20000);
    for (unsigned i = 1; i <= 100; i++) {
        fake.count++;
        CHECK(idle_wait(0));
        CHECK_EQUAL(fake.timeouts, 1);
        idle_resume();
        CHECK_EQUAL(fake.resumes, i);
    }
    set_guest_timer(15000);
    CHECK(idle_wait(0));
    CHECK_EQUAL(fake.timeouts, 2);
    /* One without a deadline leaves it as it is. */
    idle_resume();
    fake.vcpu_registers[seL4_VCPUReg_CNTV_CTL] = 0;
    CHECK(idle_wait(0));
    idle_resume();
    set_guest_timer(15000);
    CHECK(idle_wait(0));
    CHECK_EQUAL(fake.timeouts, 2);
}

TEST(idle_timeout_of_an_earlier_wait_does_not_end_this_one)
{
    set_up();
    set_guest_timer(11000);
    CHECK(idle_wait(0));
    idle_resume();
    set_guest_timer(30000);
    CHECK(idle_wait(0));
    fake.count = 11000;
    idle_timer_fired();
    CHECK_EQUAL(fake.resumes, 1);
    /* The driver keeps one timeout, which may have been the one that is over: asked for anew. */
    CHECK_EQUAL(fake.timeouts, 3);
    CHECK(fake.timeout_ns >= 19000000 && fake.timeout_ns <= 19002000);
}

TEST(idle_timeout_while_the_guest_runs_is_asked_for_again)
{
    set_up();
    set_guest_timer(20000);
    CHECK(idle_wait(0));
    idle_resume();
    idle_timer_fired();
    CHECK_EQUAL(fake.resumes, 1);
    CHECK(idle_wait(0));
    CHECK_EQUAL(fake.timeouts, 2);
}

TEST(idle_deadline_as_far_as_a_guest_can_write_is_looked_at_within_the_hour)
{
    set_up();
    fake.frequency = 62500000;
    idle_init(CHANNEL);
    fake.vcpu_registers[seL4_VCPUReg_CNTV_CTL] = 1;
    fake.vcpu_registers[seL4_VCPUReg_CNTV_CVAL] = UINT64_MAX;
    CHECK(idle_wait(0));
    CHECK(fake.timeout_ns >= 3600000000000 && fake.timeout_ns < 3600000001000);
    fake.count += 3600 * 62500000UL;
    idle_timer_fired();
    CHECK_EQUAL(fake.resumes, 1);
}

TEST(idle_deadline_that_the_timer_missed_is_seen_with_the_next_heartbeat)
{
    set_up();
    uint64_t missed = idle_missed_count();
    set_guest_timer(11000);
    CHECK(idle_wait(0));
    fake.count = 10999;
    idle_heartbeat();
    CHECK_EQUAL(fake.resumes, 0);
    CHECK_EQUAL(fake.timeouts, 1);
    fake.count = 11000;
    idle_heartbeat();
    CHECK_EQUAL(fake.resumes, 1);
    CHECK_EQUAL(idle_missed_count(), missed + 1);
    idle_heartbeat();
    CHECK_EQUAL(fake.resumes, 1);
    CHECK_EQUAL(idle_missed_count(), missed + 1);
    /* The timer does not have it any more: should the guest wait for the same again, it is asked again. */
    set_guest_timer(11000);
    fake.count = 10500;
    CHECK(idle_wait(0));
    CHECK_EQUAL(fake.timeouts, 2);
}

TEST(idle_heartbeat_is_nothing_to_a_guest_without_deadline_or_a_running_one)
{
    set_up();
    idle_heartbeat();
    CHECK(idle_wait(0));
    fake.count += 1UL << 40;
    idle_heartbeat();
    CHECK_EQUAL(fake.resumes, 0);
    CHECK_EQUAL(fake.timeouts, 0);
}

TEST(idle_vmm_is_called_back_before_a_later_deadline)
{
    set_up();
    set_guest_timer(15000);
    idle_wake_within(2000000);
    CHECK(fake.timeout_ns >= 2000000 && fake.timeout_ns <= 2002000);
    CHECK(idle_wait(0));
    CHECK_EQUAL(fake.timeouts, 1);
    fake.count = 12000;
    CHECK(idle_timer_fired());
    CHECK_EQUAL(fake.resumes, 0);
    /* Once; and the guest's own deadline is not forgotten over it. */
    CHECK_EQUAL(fake.timeouts, 2);
    CHECK(fake.timeout_ns >= 3000000 && fake.timeout_ns <= 3002000);
    fake.count = 15000;
    CHECK(!idle_timer_fired());
    CHECK_EQUAL(fake.resumes, 1);
}

TEST(idle_vmm_is_called_back_while_the_guest_is_blocked_without_deadline)
{
    set_up();
    CHECK(idle_wait(0));
    idle_wake_within(2000000);
    CHECK_EQUAL(fake.timeouts, 1);
    fake.count = 11999;
    CHECK(!idle_timer_fired());
    CHECK_EQUAL(fake.timeouts, 2);
    fake.count = 12000;
    CHECK(idle_timer_fired());
    CHECK(!idle_timer_fired());
    CHECK_EQUAL(fake.resumes, 0);
    CHECK(idle_is_blocked());
}

TEST(idle_vmm_is_called_back_after_an_earlier_deadline)
{
    set_up();
    set_guest_timer(11000);
    CHECK(idle_wait(0));
    CHECK_EQUAL(fake.timeouts, 1);
    idle_wake_within(2000000);
    CHECK_EQUAL(fake.timeouts, 1);
    fake.count = 11000;
    CHECK(!idle_timer_fired());
    CHECK_EQUAL(fake.resumes, 1);
    CHECK(fake.timeout_ns >= 1000000 && fake.timeout_ns <= 1002000);
    fake.count = 12000;
    CHECK(idle_timer_fired());
}

TEST(idle_earliest_of_several_wishes_counts)
{
    set_up();
    idle_wake_within(3000000);
    idle_wake_within(1000000);
    idle_wake_within(2000000);
    CHECK_EQUAL(fake.timeouts, 2);
    CHECK(fake.timeout_ns >= 1000000 && fake.timeout_ns <= 1002000);
    fake.count = 11000;
    CHECK(idle_timer_fired());
    CHECK_EQUAL(fake.timeouts, 2);
    /* Not for ever, and no time overflows. */
    idle_wake_within(UINT64_MAX);
    CHECK(fake.timeout_ns >= 3600000000000 && fake.timeout_ns <= 3600000002000);
    idle_forget();
    fake.count += 3600 * MEGAHERTZ;
    CHECK(!idle_timer_fired());
}

TEST(idle_wish_that_the_timer_missed_comes_true_with_the_next_heartbeat)
{
    set_up();
    uint64_t missed = idle_missed_count();
    set_guest_timer(15000);
    CHECK(idle_wait(0));
    idle_wake_within(2000000);
    fake.count = 11999;
    CHECK(!idle_heartbeat());
    fake.count = 12000;
    CHECK(idle_heartbeat());
    CHECK_EQUAL(idle_missed_count(), missed + 1);
    CHECK_EQUAL(fake.resumes, 0);
    /* The guest's own deadline is asked for. */
    CHECK_EQUAL(fake.timeouts, 3);
    CHECK(fake.timeout_ns >= 3000000 && fake.timeout_ns <= 3002000);
}

TEST(idle_guest_that_was_stopped_stays_so)
{
    set_up();
    set_guest_timer(11000);
    CHECK(idle_wait(0));
    idle_forget();
    fake.count = 11000;
    idle_timer_fired();
    idle_resume();
    CHECK_EQUAL(fake.resumes, 0);
}

/* A counter that traps, and one that nobody has told its frequency. */
static void set_up_without_clock(unsigned way)
{
    set_up();
    fake.log[0] = '\0';
    fake.is_counter_hidden = way == 0;
    fake.frequency = way == 0 ? MEGAHERTZ : 0;
    idle_init(CHANNEL);
    CHECK(strstr(fake.log, "out of reach") != NULL);
}

TEST(idle_guest_looks_with_every_heartbeat_where_the_counter_cannot_be_read)
{
    for (unsigned way = 0; way < 2; way++) {
        set_up_without_clock(way);
        uint64_t missed = idle_missed_count();
        /* Whether it is due or not, nobody can tell. */
        for (unsigned i = 1; i <= 10; i++) {
            set_guest_timer(i % 2 == 0 ? 9000 : 11000);
            CHECK(idle_wait(0));
            CHECK_EQUAL(fake.stops, i);
            CHECK(!idle_heartbeat());
            CHECK_EQUAL(fake.resumes, i);
            CHECK(!idle_heartbeat());
            CHECK_EQUAL(fake.resumes, i);
        }
        CHECK_EQUAL(idle_missed_count(), missed);
        CHECK_EQUAL(fake.timeouts, 0);
    }
}

TEST(idle_guest_without_a_timer_sleeps_through_heartbeats_where_the_counter_cannot_be_read)
{
    for (unsigned way = 0; way < 2; way++) {
        set_up_without_clock(way);
        CHECK(idle_wait(0));
        CHECK(!idle_heartbeat());
        CHECK_EQUAL(fake.resumes, 0);
        idle_resume();
        CHECK_EQUAL(fake.resumes, 1);
    }
}

TEST(idle_vmm_is_called_back_with_the_next_heartbeat_where_the_counter_cannot_be_read)
{
    for (unsigned way = 0; way < 2; way++) {
        set_up_without_clock(way);
        CHECK(idle_wait(0));
        idle_wake_within(1000000);
        CHECK(idle_heartbeat());
        CHECK(!idle_heartbeat());
        CHECK_EQUAL(fake.resumes, 0);
        CHECK_EQUAL(fake.timeouts, 0);
    }
}

TEST(idle_guest_that_cannot_be_resumed_is_in_the_log)
{
    set_up();
    set_guest_timer(11000);
    CHECK(idle_wait(0));
    fake.resume_error = 3;
    idle_resume();
    CHECK(strstr(fake.log, "seL4 error 3") != NULL);
}
