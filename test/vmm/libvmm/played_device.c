/* SPDX-License-Identifier: BSD-2-Clause */
/* In place of the device core: a device that does as the test says. */
#include "played_device.h"

struct played_device played;

const struct vsock_config config = {
    .magic = { 'v', 's', 'o', 'c', 'k' },
    .num_peers = 2,
    .cid = 3,
    .mmio_base = 0x140000,
    .mmio_size = 0x200,
    .irq = INTERRUPT,
    .peers = { { .cid = 4, .channel = CHANNEL }, { .cid = 5, .channel = CHANNEL + 1 } },
};

enum vsock_setup_fault vsock_device_init(struct vsock_device *device, const struct vsock_setup *setup)
{
    (void)device;
    played.ops = setup->ops;
    played.cookie = setup->cookie;
    played.defers = setup->defers;
    return played.setup_fault;
}

bool vsock_mmio_access(struct vsock_device *device, uint64_t offset, unsigned width, bool is_write, uint64_t *value)
{
    (void)device;
    played.offset = offset;
    played.width = width;
    played.is_write = is_write;
    played.value = *value;
    if (!is_write) {
        *value = played.answer;
    }
    return played.runs > 0;
}

bool vsock_device_notified(struct vsock_device *device, unsigned peer)
{
    (void)device;
    played.notified |= 1U << peer;
    return played.runs > 0;
}

bool vsock_device_run(struct vsock_device *device)
{
    (void)device;
    played.runs_done++;
    played.runs -= played.runs > 0;
    return played.runs > 0;
}

bool vsock_device_wants_ticks(const struct vsock_device *device)
{
    (void)device;
    return played.wants_ticks;
}

bool vsock_device_tick(struct vsock_device *device)
{
    (void)device;
    played.ticks++;
    return played.runs > 0;
}

bool vsock_device_guest_off(struct vsock_device *device)
{
    (void)device;
    played.is_off = true;
    return played.runs > 0;
}

bool vsock_device_guest_reset(struct vsock_device *device)
{
    (void)device;
    played.is_reset = true;
    return played.runs > 0;
}

void vsock_device_complete(struct vsock_device *device)
{
    (void)device;
    played.completed++;
}

bool vsock_device_holds_completions(const struct vsock_device *device)
{
    (void)device;
    return played.holds;
}

void vsock_device_catch_up(struct vsock_device *device)
{
    (void)device;
    played.caught_up++;
}

const char *vsock_setup_fault_text(enum vsock_setup_fault fault)
{
    return fault == VSOCK_SETUP_RING_SIZE ? "ring size" : "?";
}

const char *vsock_counter_name(enum vsock_counter counter)
{
    (void)counter;
    return "?";
}
