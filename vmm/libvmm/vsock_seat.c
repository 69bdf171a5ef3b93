/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How the interrupt's level becomes injections. libvmm's distributor knows edges only: it forgets that an interrupt
 * is pending as soon as it is in a list register, and would put a second copy of it into the next one. So at most one
 * injection is outstanding:
 *
 *   level rises, or is still up when the guest has finished the last one  ->  inject
 *   the guest has not enabled it                                          ->  look again after its next fault
 */
#include <microkit.h>
#include <libvmm/libvmm.h>
#include "distributor.h"
#include "event_counts.h"
#include "idle.h"
#include "vsock.h"
#include "vsock_seat.h"

/* Rounds of left-over work after one event, of VSOCK_BUDGET packets each. Peers cannot keep us busier than this at a
 * stretch; the rest is done after the next event, and a guest that runs causes many of them every second. */
#define ROUNDS_MAX 64

/* What the guest has sent is returned to it within this time, if no other interrupt takes it along: a program that waits
 * for nothing else (MSG_ZEROCOPY) has it in two or three timer ticks of Linux. */
#define COMPLETION_WAIT_NS 10000000

/* The device's ticks are seconds. Late and merged heartbeats make it more patient. */
#define HEARTBEATS_PER_TICK 10

/* virtio 4.2.2 and 5.10.2: what is counted one by one. */
enum {
    REGISTER_QUEUE_NOTIFY = 0x050,
    REGISTER_INTERRUPT_STATUS = 0x060,
    REGISTER_INTERRUPT_ACK = 0x064,
    QUEUE_TX = 1,
};

static struct vsock_device device;
static const struct vsock_config *config;
static bool is_seated;

static bool has_more;
static unsigned heartbeats; /* since the last tick */
static uint32_t peers_to_wake;

static bool level_is_up;
static bool is_injected; /* and not finished by the guest yet */
static bool was_finished;

static void *translate(void *cookie, uint64_t guest_physical, size_t size);
static void set_level(void *cookie, bool level);
static void wake_peer(void *cookie, unsigned peer);
static enum vmm_event kind_of_access(size_t offset, uint64_t value);
static void interrupt_finished(irq_routing_info_t route, void *cookie);
static void bound_wait(void);
static bool inject_if_due(void);

static const struct vsock_ops ops = { .translate = translate, .set_irq = set_level, .notify_peer = wake_peer };

bool vsock_seat_init(const struct vsock_config *seat_config)
{
    config = seat_config;
    struct vsock_setup setup = { .guest_cid = config->cid, .num_peers = config->num_peers, .ops = &ops, .defers = true };
    for (unsigned i = 0; i < config->num_peers && i < VSOCK_MAX_PEERS; i++) {
        const struct vsock_peer_config *peer = &config->peers[i];
        setup.peers[i] = (struct vsock_peer_setup) {
            .cid = peer->cid,
            .own_ring = (void *)peer->own_ring,
            .peer_ring = (const void *)peer->peer_ring,
            .ring_size = peer->ring_size,
        };
    }
    enum vsock_setup_fault setup_fault = vsock_device_init(&device, &setup);
    if (setup_fault != VSOCK_SETUP_GOOD) {
        LOG_VMM_ERR("virtio socket with CID %u: %s\n", config->cid, vsock_setup_fault_text(setup_fault));
        return false;
    }
    if (!virq_register(ARM_GIC_IRQ_ROUTE(GUEST_BOOT_VCPU_ID, config->irq), interrupt_finished, NULL)) {
        LOG_VMM_ERR("virtio socket with interrupt %u: libvmm has no room for it\n", config->irq);
        return false;
    }
#if defined(VMM_PROFILE_WINDOW)
    if (!event_window_init(device.counters)) {
        return false;
    }
#endif
    is_seated = true;
    LOG_VMM("virtio socket at 0x%lx, CID %u, %u peers\n", config->mmio_base, config->cid, config->num_peers);
    return true;
}

bool vsock_seat_has_register(uint64_t address)
{
    return is_seated && address >= config->mmio_base && address - config->mmio_base < config->mmio_size;
}

void vsock_seat_access(const struct guest_access *access, uint64_t *value)
{
    uint64_t offset = access->address - config->mmio_base;
    event_count(kind_of_access(offset, *value));
    has_more |= vsock_mmio_access(&device, offset, access->width_bytes, access->is_write, value);
}

bool vsock_seat_owns(microkit_channel channel)
{
    for (unsigned i = 0; is_seated && i < config->num_peers; i++) {
        if (config->peers[i].channel == channel) {
            return true;
        }
    }
    return false;
}

void vsock_seat_notified(microkit_channel channel)
{
    for (unsigned i = 0; is_seated && i < config->num_peers; i++) {
        if (config->peers[i].channel == channel) {
            has_more |= vsock_device_notified(&device, i);
        }
    }
}

void vsock_seat_time_is_up(void)
{
    if (is_seated) {
        vsock_device_complete(&device);
    }
}

void vsock_seat_heartbeat(void)
{
    if (!is_seated) {
        return;
    }
    vsock_device_catch_up(&device);
    if (!vsock_device_wants_ticks(&device)) {
        heartbeats = 0;
        return;
    }
    heartbeats++;
    if (heartbeats == HEARTBEATS_PER_TICK) {
        heartbeats = 0;
        has_more |= vsock_device_tick(&device);
    }
}

bool vsock_seat_settle(seL4_Word label)
{
    if (!is_seated) {
        return false;
    }
    for (unsigned round = 0; has_more && round < ROUNDS_MAX; round++) {
        has_more = vsock_device_run(&device);
    }
    bound_wait();
    /* libvmm also calls interrupt_finished() when the guest enables the interrupt, while it may be in a list
     * register. */
    if (was_finished && label == seL4_Fault_VGICMaintenance) {
        is_injected = false;
    }
    was_finished = false;
    bool was_injected = inject_if_due();

    uint32_t peers = peers_to_wake;
    peers_to_wake = 0;
    for (unsigned i = 0; peers != 0; i++, peers >>= 1) {
        if (peers & 1) {
            microkit_notify(config->peers[i].channel);
        }
    }
    return was_injected || has_more;
}

/* The first of several wishes counts, so what is sent later waits less. */
static void bound_wait(void)
{
    if (vsock_device_holds_completions(&device)) {
        idle_wake_within(COMPLETION_WAIT_NS);
    }
}

void vsock_seat_guest_off(void)
{
    if (is_seated) {
        has_more |= vsock_device_guest_off(&device);
    }
}

void vsock_seat_guest_reset(void)
{
    if (!is_seated) {
        return;
    }
    has_more |= vsock_device_guest_reset(&device);
    /* What was injected is ended by others before the guest can see it. */
    is_injected = false;
    was_finished = false;
}

void vsock_seat_report(void)
{
    for (unsigned i = 0; is_seated && i < VSOCK_COUNTERS; i++) {
        if (device.counters[i] != 0) {
            LOG_VMM("virtio socket: %s %lu\n", vsock_counter_name((enum vsock_counter)i), device.counters[i]);
        }
    }
}

static void *translate(void *cookie, uint64_t guest_physical, size_t size)
{
    (void)cookie;
    return gpa_to_hva(guest_physical, size);
}

static void set_level(void *cookie, bool level)
{
    (void)cookie;
    level_is_up = level;
}

static void wake_peer(void *cookie, unsigned peer)
{
    (void)cookie;
    peers_to_wake |= 1U << peer;
}

static enum vmm_event kind_of_access(size_t offset, uint64_t value)
{
    switch (offset) {
    case REGISTER_QUEUE_NOTIFY:
        return value == QUEUE_TX ? VMM_EVENT_tx_kicks : VMM_EVENT_rx_kicks;
    case REGISTER_INTERRUPT_STATUS:
        return VMM_EVENT_status_reads;
    case REGISTER_INTERRUPT_ACK:
        return VMM_EVENT_acks;
    default: /* not an enum, but whatever the guest says */
        return VMM_EVENT_registers;
    }
}

static void interrupt_finished(irq_routing_info_t route, void *cookie)
{
    (void)route;
    (void)cookie;
    was_finished = true;
}

/* Whether it did. */
static bool inject_if_due(void)
{
    if (!level_is_up || is_injected || !distributor_accepts(GUEST_BOOT_VCPU_ID, config->irq)) {
        return false;
    }
    is_injected = virq_inject(ARM_GIC_IRQ_ROUTE(GUEST_BOOT_VCPU_ID, config->irq));
    if (is_injected) {
        event_count(VMM_EVENT_injected);
    }
    return is_injected;
}
