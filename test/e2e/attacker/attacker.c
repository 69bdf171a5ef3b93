// SPDX-License-Identifier: BSD-2-Clause
// A bare-metal guest that attacks its VMM and the kernel at EL1. What its CID is more than 5, and FIRST_ENDING, say how it
// goes on after the attacks that all of them make and that all of them survive:
//
//     0  resets within an interrupt handler, wants interrupts in its second life, and attacks for ever
//     1  resets in a loop
//     2  a store with writeback to the distributor, which has no valid syndrome
//     3  makes its console's queues unsound and kicks
//     4  waits for an interrupt with everything masked and no timer
//     5  a hypercall, which the kernel takes for a system call that it does not know
//     6  a load where nothing is
//     7  fetches instructions from the distributor
#include "attacks.h"
#include "console.h"

uint64_t random_state;
volatile uint64_t traps;
volatile uint64_t interrupts;
volatile int reset_in_handler;

struct kept {
    uint64_t magic;
    uint64_t life;
};

void on_trap(void)
{
    uint64_t address;
    traps += 1;
    __asm__ volatile("mrs %0, elr_el1\n add %0, %0, #4\n msr elr_el1, %0" : "=&r"(address));
}

void on_interrupt(void)
{
    uint32_t interrupt = load(CPU_INTERFACE + 0x0c);
    interrupts += 1;
    if (reset_in_handler)
        smc(SMC_SYSTEM_RESET, 0, 0, 0);
    // The timer's line stays up until it is switched off.
    if ((interrupt & 0x3ff) == 27)
        __asm__ volatile("msr cntv_ctl_el0, xzr");
    store(CPU_INTERFACE + 0x10, interrupt);
}

static void take_interrupts(void)
{
    store(DISTRIBUTOR, 1);
    store(DISTRIBUTOR + 0x100, UINT32_MAX);
    store(CPU_INTERFACE + 0x04, 0xff);
    store(CPU_INTERFACE, 1);
    mask_interrupts(0);
}

// Whether an interrupt that this CPU sends to itself arrives.
static int is_interrupted(void)
{
    uint64_t before = interrupts;
    store(DISTRIBUTOR + 0xf00, 0x02000001);
    for (uint64_t until = ticks() + ticks_of_ms(2000); interrupts == before && ticks() < until;)
        continue;
    return interrupts != before;
}

static void attack_for(uint64_t ms)
{
    for (uint64_t until = ticks() + ticks_of_ms(ms); ticks() < until;)
        attack_round();
}

static void end_of_own(uint64_t cid, uint64_t ending)
{
    switch (ending) {
    case 1:
        smc(SMC_SYSTEM_RESET, 0, 0, 0);
        break;
    case 2:
        __asm__ volatile("str wzr, [%0], #4" : : "r"(DISTRIBUTOR + 0x100) : "memory");
        break;
    case 4:
        mask_interrupts(1);
        __asm__ volatile("msr cntv_ctl_el0, xzr\n isb\n 1: wfi\n b 1b");
        break;
    case 3:
        store(CONSOLE_RINGS + 0x3000, 0x130000); // the buffer lies in a device
        store(CONSOLE_RINGS + 0x4000, 0x20000);
        store(CONSOLE + 0x50, 1);
        break;
    case 5:
        __asm__ volatile("mov x7, #0x1234\n hvc #0" : : : "x0", "x1", "x2", "x3", "x7", "memory");
        say("HOSTILE: CID # was answered", cid, 0);
        return;
    case 6:
        (void)load(0xdead0000);
        break;
    default:
        __asm__ volatile("br %0" : : "r"(DISTRIBUTOR) : "memory");
    }
    say("HOSTILE: CID # was not stopped", cid, 0);
}

void attack(void)
{
    volatile struct kept *kept = (volatile struct kept *)KEPT;
    if (kept->magic != 0x6b657074) {
        kept->magic = 0x6b657074;
        kept->life = 0;
    }
    kept->life += 1;
    uint64_t cid = load(SOCKET + 0x100);
    random_state = cid * 1000 + kept->life;
    if (kept->life == 1) {
        say("HOSTILE: CID # begins", cid, 0);
        attack_for(3000);
        say("HOSTILE: CID # survived # rounds", cid, attack_rounds);
    }
    uint64_t ending = cid - 5 + FIRST_ENDING;
    if (ending != 0) {
        end_of_own(cid, ending);
        return;
    }

    leave_alone();
    take_interrupts();
    if (kept->life == 1) {
        if (!is_interrupted())
            say("HOSTILE: CID # gets no interrupts at all", cid, 0);
        reset_in_handler = 1;
        (void)is_interrupted();
    }
    say(is_interrupted() ? "HOSTILE: life # gets interrupts" : "HOSTILE: life # gets no interrupts", kept->life, 0);
    for (;;) {
        attack_for(5000);
        say("HOSTILE: CID # goes on after # rounds", cid, attack_rounds);
    }
}
