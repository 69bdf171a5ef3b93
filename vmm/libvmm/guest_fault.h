/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the guest did that the kernel tells us about, judged before libvmm sees it.
 *
 * libvmm's fault_handle() asserts on things that a guest can cause at will, and knows no hook for a guest that
 * switches itself off. So the VMM reads the message once, decides, and hands on to libvmm only what libvmm can take.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <microkit.h>
#include <libvmm/virtio/console.h>

/* The longest of the messages that are looked into, the VM fault's (seL4 manual, section 6.2.7). */
#define GUEST_FAULT_WORDS 4

enum guest_fault_verdict {
    GUEST_FAULT_FOR_LIBVMM, /* the message registers are as the kernel left them */
    GUEST_FAULT_DONE,       /* nothing left to do but to let the guest go on */
    GUEST_FAULT_WAIT,       /* the guest waits for an interrupt: it may go on at once, or when there is one */
    GUEST_FAULT_STOP,       /* this guest must not run on; the log says why */
    GUEST_FAULT_RESET,      /* it asks for a reset: see guest_life.h */
    GUEST_FAULT_RESTARTED,  /* its vCPU was started elsewhere: there is nothing to answer */
};

struct guest_fault {
    size_t vcpu;
    seL4_Word label;
    seL4_Word words[GUEST_FAULT_WORDS];
};

/* The console whose registers are guarded; both fields zero when there is none. */
struct guarded_console {
    struct virtio_console_device *device;
    uint64_t base;
    uint64_t size;
};

/* Copies the message out of the message registers, which the next system call overwrites. */
struct guest_fault guest_fault_read(microkit_child vcpu, microkit_msginfo message);

/* Judges it, and answers it where libvmm must not. */
enum guest_fault_verdict guest_fault_judge(const struct guest_fault *fault, const struct guarded_console *console);
