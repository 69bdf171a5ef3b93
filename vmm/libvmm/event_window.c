/* SPDX-License-Identifier: BSD-2-Clause */
/* The counters as the guest of a benchmark sees them; told in event_counts.h. */
#include <microkit.h>
#include <libvmm/libvmm.h>
#include "event_counts.h"
#include "generic_timer.h"
#include "guest_access.h"
#include "vsock.h"

#if defined(VMM_PROFILE_WINDOW)

#define WINDOW_SIZE 0x1000
#define WORD_SIZE   8

enum {
    LAST_EVENT = VMM_NUM_EVENTS - 1,
#define VMM_DEVICE_COUNT(name, counter) WORD_##name,
    VMM_DEVICE_COUNTS(VMM_DEVICE_COUNT)
#undef VMM_DEVICE_COUNT
    WORD_TICKS_INSIDE,
    WORD_TICKS,
    NUM_WORDS,
};

static const uint64_t *device_counts;
static uint64_t words[NUM_WORDS];
static uint64_t entered_at;
static uint64_t ticks_inside;

static bool access_window(size_t vcpu, size_t offset, size_t syndrome, seL4_UserContext *registers, void *cookie);

bool event_window_init(const uint64_t *device_counters)
{
    device_counts = device_counters;
    return fault_register_vm_exception_handler(VMM_PROFILE_WINDOW, WINDOW_SIZE, access_window, NULL);
}

void event_window_enter(void)
{
    entered_at = generic_timer_count();
}

void event_window_leave(void)
{
    ticks_inside += generic_timer_count() - entered_at;
}

static void read_counters(uint64_t to[NUM_WORDS])
{
    for (unsigned i = 0; i < VMM_NUM_EVENTS; i++) {
        to[i] = vmm_event_counts[i];
    }
#define VMM_DEVICE_COUNT(name, counter) to[WORD_##name] = device_counts[VSOCK_COUNT_##counter];
    VMM_DEVICE_COUNTS(VMM_DEVICE_COUNT)
#undef VMM_DEVICE_COUNT
    to[WORD_TICKS_INSIDE] = ticks_inside;
    to[WORD_TICKS] = generic_timer_count();
}

static bool access_window(size_t vcpu, size_t offset, size_t syndrome, seL4_UserContext *registers, void *cookie)
{
    (void)vcpu, (void)cookie;
    struct guest_access access;
    if (guest_access_decode(&access, registers->pc, VMM_PROFILE_WINDOW + offset, false, syndrome) != NULL
        || access.register_number == 31) {
        return true;
    }
    if (!access.is_write) {
        uint64_t word = offset / WORD_SIZE < NUM_WORDS ? words[offset / WORD_SIZE] : 0;
        *decode_rt(access.register_number, registers) = guest_access_loaded(&access, word);
    } else if (offset == 0) {
        read_counters(words);
    } else if (offset == WORD_SIZE) {
        uint64_t last[NUM_WORDS];
        read_counters(last);
        for (unsigned i = 0; i < NUM_WORDS; i++) {
            words[i] = last[i] - words[i];
        }
    }
    return true;
}

#endif
