/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the VMM is called for, by name, and what the socket device did meanwhile. A list of words, for the VMM, which
 * counts, and for a benchmark's program in the guest, which prints.
 */
#pragma once

/* clang-format off */
#define VMM_EVENTS(each)                                                                                    \
    each(tx_kicks)         /* the guest wrote QueueNotify, by queue */                                      \
    each(rx_kicks)                                                                                          \
    each(status_reads)     /* it read InterruptStatus */                                                    \
    each(acks)             /* it wrote InterruptACK */                                                      \
    each(registers)        /* it accessed another register of the socket device */                          \
    each(controller)       /* ... of the interrupt controller */                                            \
    each(console)          /* ... of the console */                                                         \
    each(memory)           /* ... of something else */                                                      \
    each(waits)            /* WFI and WFE */                                                                \
    each(system_registers) /* MRS and MSR */                                                                \
    each(calls)            /* SMC and HVC */                                                                \
    each(interrupt_ends)   /* maintenance interrupts */                                                     \
    each(timer)            /* its virtual timer fired */                                                    \
    each(other_faults)                                                                                      \
    each(peer_wakeups)     /* a peer has notified us; several at once are one */                            \
    each(console_wakeups)  /* the serial virtualisers have */                                               \
    each(timeouts)         /* the timer driver has */                                                       \
    each(injected)         /* the socket's interrupt was injected */

#define VMM_DEVICE_COUNTS(each)                                                                             \
    each(notifications, NOTIFICATIONS) /* to peers */                                                       \
    each(tx_packets, TX_PACKETS)                                                                            \
    each(tx_records, TX_RECORDS)                                                                            \
    each(tx_bytes, TX_BYTES)                                                                                \
    each(rx_records, RX_RECORDS)                                                                            \
    each(rx_packets, RX_PACKETS)                                                                            \
    each(rx_bytes, RX_BYTES)
/* clang-format on */

enum vmm_event {
#define VMM_EVENT(name) VMM_EVENT_##name,
    VMM_EVENTS(VMM_EVENT)
#undef VMM_EVENT
        VMM_NUM_EVENTS,
};
