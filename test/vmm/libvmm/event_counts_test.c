/* SPDX-License-Identifier: BSD-2-Clause */
/* What each fault is counted as. The socket's registers are counted by its seat: vsock_seat_test.c. */
#include "../harness.h"
#include "event_counts.h"
#include "fake.h"

#define CONSOLE 0x130000

static struct guarded_console console = { .device = NULL, .base = CONSOLE, .size = 0x200 };

static void count(seL4_Word label, seL4_Word first, seL4_Word second)
{
    memset(vmm_event_counts, 0, sizeof vmm_event_counts);
    struct guest_fault fault = { .label = label, .words = { first, second } };
    event_count_fault(&fault, &console);
}

static void count_access(uint64_t address)
{
    _Static_assert(seL4_VMFault_Addr == 1, "the second word");
    count(seL4_Fault_VMFault, 0, address);
}

TEST(accesses_are_counted_by_their_device)
{
    fake_reset();
    count_access(CONSOLE + 0x1ff);
    CHECK_EQUAL(vmm_event_counts[VMM_EVENT_console], 1);
    count_access(CONSOLE + 0x200);
    CHECK_EQUAL(vmm_event_counts[VMM_EVENT_memory], 1);
    count_access(CONSOLE - 1);
    CHECK_EQUAL(vmm_event_counts[VMM_EVENT_memory], 1);
    count_access(GIC_DIST_PADDR);
    CHECK_EQUAL(vmm_event_counts[VMM_EVENT_controller], 1);
}

TEST(exceptions_are_counted_by_their_class)
{
    static const struct {
        uint64_t class;
        enum vmm_event event;
    } classes[] = {
        { 0x01, VMM_EVENT_waits },
        { 0x16, VMM_EVENT_calls },
        { 0x17, VMM_EVENT_calls },
        { 0x18, VMM_EVENT_system_registers },
        { 0x3f, VMM_EVENT_other_faults },
    };
    for (unsigned i = 0; i < sizeof classes / sizeof classes[0]; i++) {
        count(seL4_Fault_VCPUFault, classes[i].class << 26, 0);
        CHECK_EQUAL(vmm_event_counts[classes[i].event], 1);
    }
}

TEST(interrupts_are_counted_and_reported)
{
    fake_reset();
    count(seL4_Fault_VPPIEvent, 27, 0);
    CHECK_EQUAL(vmm_event_counts[VMM_EVENT_timer], 1);
    event_counts_report();
    CHECK(strstr(fake.log, "events: timer 1") != NULL);
    CHECK(strstr(fake.log, "waits") == NULL);
    count(seL4_Fault_VGICMaintenance, 0, 0);
    CHECK_EQUAL(vmm_event_counts[VMM_EVENT_interrupt_ends], 1);
    count(4711, 0, 0);
    CHECK_EQUAL(vmm_event_counts[VMM_EVENT_other_faults], 1);
}
