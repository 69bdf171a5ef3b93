/* SPDX-License-Identifier: BSD-2-Clause */
/* The interrupt of the seat's device: when it is injected, and when again. */
#include "played_device.h"

static void finish(void)
{
    fake.finished((irq_routing_info_t) { INTERRUPT }, NULL);
    vsock_seat_settle(seL4_Fault_VGICMaintenance);
}

TEST(seat_has_one_injection_outstanding)
{
    set_up();
    fake_enable(INTERRUPT);
    raise();
    vsock_seat_settle(seL4_Fault_VMFault);
    CHECK_EQUAL(fake.injected[INTERRUPT], 1);
    vsock_seat_settle(0);
    vsock_seat_settle(seL4_Fault_VMFault);
    CHECK_EQUAL(fake.injected[INTERRUPT], 1);
    finish();
    CHECK_EQUAL(fake.injected[INTERRUPT], 2);
    played.ops->set_irq(played.cookie, false);
    finish();
    CHECK_EQUAL(fake.injected[INTERRUPT], 2);
}

TEST(seat_waits_in_silence_for_an_interrupt_that_is_not_enabled)
{
    set_up();
    raise();
    for (unsigned i = 0; i < 1000; i++) {
        vsock_seat_settle(seL4_Fault_VMFault);
    }
    CHECK_EQUAL(fake.injected[INTERRUPT], 0);
    CHECK_EQUAL(strlen(fake.log), 0);
    fake_enable(INTERRUPT);
    vsock_seat_settle(seL4_Fault_VMFault);
    CHECK_EQUAL(fake.injected[INTERRUPT], 1);
}

TEST(seat_tells_enabling_from_finishing)
{
    set_up();
    fake_enable(INTERRUPT);
    raise();
    vsock_seat_settle(0);
    /* The guest writes ISENABLER once more while the interrupt is in a list register: libvmm reports that the same
     * way. */
    fake.finished((irq_routing_info_t) { INTERRUPT }, NULL);
    vsock_seat_settle(seL4_Fault_VMFault);
    CHECK_EQUAL(fake.injected[INTERRUPT], 1);
    /* Another interrupt's end is not ours. */
    vsock_seat_settle(seL4_Fault_VGICMaintenance);
    CHECK_EQUAL(fake.injected[INTERRUPT], 1);
}

TEST(seat_forgets_what_was_injected_into_a_former_life)
{
    set_up();
    fake_enable(INTERRUPT);
    raise();
    vsock_seat_settle(0);
    played.runs = 2;
    vsock_seat_guest_reset();
    CHECK(played.is_reset);
    CHECK(!played.is_off);
    played.ops->set_irq(played.cookie, false);
    vsock_seat_settle(0);
    CHECK_EQUAL(played.runs_done, 2);
    CHECK_EQUAL(fake.injected[INTERRUPT], 1);
    /* The new life's first interrupt does not wait for the end of the old one's last. */
    raise();
    vsock_seat_settle(0);
    CHECK_EQUAL(fake.injected[INTERRUPT], 2);
}
