// SPDX-License-Identifier: BSD-2-Clause
// What the VMM counts while a test runs, read from the window that a VMM of a benchmark shows to its guest
// (vmm/libvmm/event_counts.h); boot word `bench_counters` is its address. Under `sim` there is none.
#pragma once

#include "../../linux/programs/vsock.h"
#include "../../vmm/libvmm/event_names.h"

enum {
    PROT_READ = 1,
    PROT_WRITE = 2,
    MAP_SHARED = 1,
    O_SYNC = 04010000,
    COUNTER_WINDOW_SIZE = 4096,
};

static volatile uint64_t *counter_window;

static const char *const counter_names[] = {
#define VMM_EVENT(name) #name,
    VMM_EVENTS(VMM_EVENT)
#undef VMM_EVENT
#define VMM_DEVICE_COUNT(name, counter) #name,
    VMM_DEVICE_COUNTS(VMM_DEVICE_COUNT)
#undef VMM_DEVICE_COUNT
    "ticks_inside", "ticks",
};

/* The one call with six arguments. Windows are of seL4's guests, which are arm64. */
static inline long map_file(int fd, uint64_t offset, size_t size)
{
#if defined(__aarch64__)
    register long x8 __asm__("x8") = 222;
    register long x0 __asm__("x0") = 0;
    register long x1 __asm__("x1") = (long)size;
    register long x2 __asm__("x2") = PROT_READ | PROT_WRITE;
    register long x3 __asm__("x3") = MAP_SHARED;
    register long x4 __asm__("x4") = fd;
    register long x5 __asm__("x5") = (long)offset;
    __asm__ volatile("svc #0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5) : "memory", "cc");
    return x0;
#else
    (void)fd, (void)offset, (void)size;
    return -ENOSYS;
#endif
}

/* Returns -errno if the window is asked for and cannot be had. */
static inline long open_counters(char **environment)
{
    uint32_t address;
    char *word = boot_word(environment, "bench_counters");
    if (word == NULL)
        return 0;
    if (!parse_cid(word, &address)) /* a decimal of 32 bits, as CIDs are */
        return -EINVAL;
    long fd = open_file("/dev/mem", O_RDWR | O_SYNC | O_CLOEXEC);
    if (fd < 0)
        return fd;
    long window = map_file((int)fd, address, COUNTER_WINDOW_SIZE);
    close_file((int)fd);
    if (window < 0 && window > -4096)
        return window;
    counter_window = (volatile uint64_t *)window;
    return 0;
}

static inline void begin_counting(void)
{
    if (counter_window != NULL)
        counter_window[0] = 1;
}

static inline void end_counting(void)
{
    if (counter_window != NULL)
        counter_window[1] = 1;
}

/* `vsock bench: counted NAME=VALUE ...`: what is not zero, in as many lines as it takes. */
static inline void print_counters(void)
{
    if (counter_window == NULL)
        return;
    struct line line;
    line.length = 0;
    for (size_t i = 0; i < sizeof(counter_names) / sizeof(counter_names[0]); i += 1) {
        uint64_t value = counter_window[i];
        if (value == 0)
            continue;
        if (line.length == 0)
            add_text(&line, "vsock bench: counted");
        add_text(&line, " ");
        add_text(&line, counter_names[i]);
        add_text(&line, "=");
        add_number(&line, value);
        if (line.length > LINE_SIZE - 60)
            write_line(&line, STDOUT);
    }
    if (line.length > 0)
        write_line(&line, STDOUT);
}
