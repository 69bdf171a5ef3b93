/* SPDX-License-Identifier: BSD-2-Clause */
/* The seat, with a device that does as the test says. Its interrupt: vsock_seat_irq_test.c. */
#include "event_counts.h"
#include "idle.h"
#include "played_device.h"

/* The guest writes a queue's number to QueueNotify. */
static void kick(uint64_t queue)
{
    struct guest_access access = { .address = config.mmio_base + 0x50, .width_bytes = 4, .is_write = true };
    vsock_seat_access(&access, &queue);
    (void)vsock_seat_settle(seL4_Fault_VMFault);
}

TEST(seat_merges_wake_ups)
{
    set_up();
    for (unsigned i = 0; i < 10; i++) {
        played.ops->notify_peer(played.cookie, 1);
    }
    CHECK_EQUAL(fake.notified[CHANNEL + 1], 0);
    vsock_seat_settle(0);
    vsock_seat_settle(0);
    CHECK_EQUAL(fake.notified[CHANNEL + 1], 1);
    CHECK_EQUAL(fake.notified[CHANNEL], 0);
    played.ops->notify_peer(played.cookie, 0);
    played.ops->notify_peer(played.cookie, 1);
    vsock_seat_settle(0);
    CHECK_EQUAL(fake.notified[CHANNEL + 1], 2);
    CHECK_EQUAL(fake.notified[CHANNEL], 1);
}

TEST(seat_knows_its_channels)
{
    set_up();
    CHECK(vsock_seat_owns(CHANNEL));
    CHECK(!vsock_seat_owns(CHANNEL + 2));
    vsock_seat_notified(CHANNEL + 1);
    CHECK_EQUAL(played.notified, 2);
    vsock_seat_notified(CHANNEL + 2);
    CHECK_EQUAL(played.notified, 2);
}

TEST(seat_goes_on_with_left_over_work_but_not_for_ever)
{
    set_up();
    played.runs = 100;
    vsock_seat_notified(CHANNEL);
    vsock_seat_settle(0);
    CHECK_EQUAL(played.runs_done, 64);
    vsock_seat_settle(seL4_Fault_VCPUFault);
    CHECK_EQUAL(played.runs_done, 100);
    vsock_seat_settle(seL4_Fault_VCPUFault);
    CHECK_EQUAL(played.runs_done, 100);
    played.runs = 3;
    kick(0);
    CHECK_EQUAL(played.runs_done, 103);
    played.runs = 2;
    vsock_seat_guest_off();
    vsock_seat_settle(0);
    CHECK_EQUAL(played.runs_done, 105);
}

TEST(seat_says_when_a_guest_that_waits_must_go_on)
{
    set_up();
    CHECK(!vsock_seat_settle(seL4_Fault_VCPUFault));
    raise();
    CHECK(!vsock_seat_settle(seL4_Fault_VCPUFault)); /* it is not enabled */
    fake_enable(INTERRUPT);
    CHECK(vsock_seat_settle(0));
    CHECK(!vsock_seat_settle(0));
    /* Work that is left over is done after its next fault, so it must have one. */
    played.runs = 65;
    vsock_seat_notified(CHANNEL);
    CHECK(vsock_seat_settle(0));
    CHECK(!vsock_seat_settle(0));
}

TEST(seat_ticks_once_for_ten_heartbeats_while_something_waits)
{
    set_up();
    for (unsigned i = 0; i < 25; i++) {
        vsock_seat_heartbeat();
    }
    CHECK_EQUAL(played.ticks, 0);
    played.wants_ticks = true;
    for (unsigned i = 1; i <= 25; i++) {
        vsock_seat_heartbeat();
        CHECK_EQUAL(played.ticks, i / 10);
    }
    /* Five of them do not count for what waits later. */
    played.wants_ticks = false;
    vsock_seat_heartbeat();
    played.wants_ticks = true;
    for (unsigned i = 0; i < 9; i++) {
        vsock_seat_heartbeat();
    }
    CHECK_EQUAL(played.ticks, 2);
    played.runs = 2;
    vsock_seat_heartbeat();
    CHECK_EQUAL(played.ticks, 3);
    CHECK(!vsock_seat_settle(0)); /* what a tick leaves over is done */
    CHECK_EQUAL(played.runs_done, 2);
}

TEST(seat_hands_accesses_on)
{
    set_up();
    struct guest_access access = { .address = config.mmio_base + 0x38, .width_bytes = 4, .is_write = true };
    uint64_t value = 0x11223344;
    vsock_seat_access(&access, &value);
    CHECK_EQUAL(played.offset, 0x38);
    CHECK_EQUAL(played.width, 4);
    CHECK(played.is_write);
    CHECK_EQUAL(played.value, 0x11223344);
    played.answer = 0x74726976;
    access = (struct guest_access) { .address = config.mmio_base, .width_bytes = 1 };
    vsock_seat_access(&access, &value);
    CHECK(!played.is_write);
    CHECK_EQUAL(played.width, 1);
    CHECK_EQUAL(value, 0x74726976);
}

TEST(seat_tells_the_device_that_its_guest_is_off)
{
    set_up();
    vsock_seat_guest_off();
    CHECK(played.is_off);
}

TEST(seat_says_why_there_is_no_device)
{
    set_up();
    played.setup_fault = VSOCK_SETUP_RING_SIZE;
    CHECK(!vsock_seat_init(&config));
    CHECK(strstr(fake.log, "CID 3: ring size") != NULL);
    fake_reset();
    played.setup_fault = VSOCK_SETUP_GOOD;
    fake.is_full = true;
    CHECK(!vsock_seat_init(&config));
    CHECK(strstr(fake.log, "no room") != NULL);
}

TEST(seat_asks_once_for_a_time_to_return_what_was_sent)
{
    set_up();
    fake.frequency = 1000000;
    idle_init(9);
    vsock_seat_time_is_up(); /* of an earlier test */
    played.completed = 0;
    kick(1);
    CHECK_EQUAL(fake.timeouts, 0);
    played.holds = true;
    kick(1);
    kick(1);
    CHECK_EQUAL(fake.timeouts, 1);
    CHECK(fake.timeout_ns >= 10000000 && fake.timeout_ns <= 10010000);
    CHECK_EQUAL(played.completed, 0);
    fake.count += 10001;
    CHECK(idle_timer_fired());
    vsock_seat_time_is_up();
    CHECK_EQUAL(played.completed, 1);
    kick(1);
    CHECK_EQUAL(fake.timeouts, 2);
    idle_forget();
}

TEST(seat_catches_up_with_every_heartbeat)
{
    set_up();
    kick(1);
    vsock_seat_heartbeat();
    vsock_seat_heartbeat();
    CHECK_EQUAL(played.caught_up, 2);
    CHECK(played.defers);
}

TEST(seat_counts_the_registers_that_are_used_all_the_time)
{
    set_up();
    static const struct {
        size_t offset;
        uint32_t value;
        enum vmm_event event;
    } accesses[] = {
        { 0x50, 0, VMM_EVENT_rx_kicks },
        { 0x50, 1, VMM_EVENT_tx_kicks },
        { 0x64, 1, VMM_EVENT_acks },
        { 0x60, 1, VMM_EVENT_status_reads },
        { 0x70, 1, VMM_EVENT_registers },
    };
    for (unsigned i = 0; i < sizeof accesses / sizeof accesses[0]; i++) {
        memset(vmm_event_counts, 0, sizeof vmm_event_counts);
        struct guest_access access = { .address = config.mmio_base + accesses[i].offset, .width_bytes = 4, .is_write = true };
        uint64_t value = accesses[i].value;
        vsock_seat_access(&access, &value);
        CHECK_EQUAL(vmm_event_counts[accesses[i].event], 1);
    }
    CHECK(vsock_seat_has_register(config.mmio_base + config.mmio_size - 1));
    CHECK(!vsock_seat_has_register(config.mmio_base + config.mmio_size));
    CHECK(!vsock_seat_has_register(config.mmio_base - 1));
}
