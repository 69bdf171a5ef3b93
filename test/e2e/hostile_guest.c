// SPDX-License-Identifier: BSD-2-Clause
// Takes the receiver's place and turns on its own VMM: through /dev/mem (iomem=relaxed) it does to the emulated devices
// what no driver does. All of it must be survived; the last access of all has no valid syndrome and stops this guest.
#include "system.h"

enum { SYS_MMAP = 222, PROT_READ_WRITE = 3, MAP_SHARED = 1, O_SYNC = 04010000, PAGE = 4096 };

#define DISTRIBUTOR 0x8000000
#define CONSOLE 0x130000
#define SOCKET 0x140000

static void say(const char *text)
{
    size_t size = 0;
    while (text[size] != '\0')
        size += 1;
    (void)write_file(STDOUT, text, size);
}

static volatile uint8_t *map_device(long address)
{
    register long x8 __asm__("x8") = SYS_MMAP;
    register long x0 __asm__("x0") = 0;
    register long x1 __asm__("x1") = PAGE;
    register long x2 __asm__("x2") = PROT_READ_WRITE;
    register long x3 __asm__("x3") = MAP_SHARED;
    register long x4 __asm__("x4") = open_file("/dev/mem", O_RDWR | O_SYNC);
    register long x5 __asm__("x5") = address;
    __asm__ volatile("svc #0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5) : "memory", "cc");
    if (x0 < 0 && x0 > -PAGE) {
        say("HOSTILE: /dev/mem is closed\n");
        (void)system_call(SYS_exit_group, 1, 0, 0, 0, 0);
    }
    return (volatile uint8_t *)x0;
}

static void store(volatile uint8_t *device, unsigned offset, uint32_t value)
{
    *(volatile uint32_t *)(device + offset) = value;
}

static void load_all(volatile uint8_t *device, unsigned size)
{
    for (unsigned i = 0; i < size; i += 1)
        (void)device[i];
    for (unsigned i = 0; i < size; i += 4)
        (void)*(volatile uint32_t *)(device + i);
    for (unsigned i = 0; i < size; i += 8)
        (void)*(volatile uint64_t *)(device + i);
    __asm__ volatile("ldr wzr, [%0]" : : "r"(device) : "memory");
}

// libvmm asserts on most of these, and the loop would overflow its queue of interrupts.
static void attack_distributor(void)
{
    volatile uint8_t *device = map_device(DISTRIBUTOR);
    static const uint16_t offsets[] = { 0xf10, 0xf1c, 0xf20, 0xf2c, 0x17c, 0x1fc, 0x27c, 0x2fc };
    for (unsigned i = 0; i < sizeof(offsets) / sizeof(offsets[0]); i += 1)
        store(device, offsets[i], UINT32_MAX);
    for (unsigned offset = 0x204; offset < 0x280; offset += 4)
        store(device, offset, UINT32_MAX);
    store(device, 0xf00, 0x03000005);
    for (unsigned i = 0; i < 500; i += 1) {
        store(device, 0xf00, 0x02000007);
        store(device, 0x280, UINT32_MAX);
    }
    device[0x101] = 0xff;
    load_all(device, PAGE);
}

// A queue beyond the last one, ring sizes that are none, addresses outside RAM.
static void attack_console(void)
{
    volatile uint8_t *device = map_device(CONSOLE);
    static const uint32_t queues[] = { 2, 0x10000, UINT32_MAX };
    for (unsigned i = 0; i < sizeof(queues) / sizeof(queues[0]); i += 1) {
        store(device, 0x30, queues[i]);
        store(device, 0x44, 1);
    }
    store(device, 0x30, 1);
    store(device, 0x38, 0);
    store(device, 0x38, 3);
    store(device, 0x80, UINT32_MAX);
    device[0x30] = 7;
}

// Everything, in any state, and then a kick.
static void attack_socket(void)
{
    volatile uint8_t *device = map_device(SOCKET);
    load_all(device, 0x200);
    for (unsigned offset = 0; offset < 0x200; offset += 4)
        store(device, offset, UINT32_MAX);
    for (unsigned queue = 0; queue < 100; queue += 1) {
        store(device, 0x30, queue);
        store(device, 0x38, 128);
        store(device, 0x44, 1);
        store(device, 0x50, queue);
    }
    store(device, 0x70, 0);
    store(device, 0x50, 1);
    store(device, 0x70, 15);
    store(device, 0x50, 1);
}

static int run(char **arguments, char **environment)
{
    (void)arguments;
    (void)environment;
    attack_distributor();
    attack_console();
    attack_socket();
    say("HOSTILE: survived\n");
    volatile uint8_t *device = map_device(DISTRIBUTOR) + 0x100;
    __asm__ volatile("str wzr, [%0], #4" : "+r"(device) : : "memory");
    say("HOSTILE: not stopped\n");
    return 0;
}
