/* SPDX-License-Identifier: BSD-2-Clause */
/* The fuzzer's world, and what must hold around every call into a device. */
#include "machine.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGE_SIZE 0x1000u

struct machine machines[NUM_DEVICES];
static uint8_t *writable[NUM_VMMS][NUM_VMMS]; /* [writer][reader] */
static const uint8_t *readable[NUM_VMMS][NUM_VMMS];

/* --- memory --- */

/* `size` bytes of a file between two pages that nobody may touch. */
static uint8_t *map(int file, size_t size, int protection)
{
    uint8_t *place = mmap(NULL, size + 2 * PAGE_SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    HOLDS(place != MAP_FAILED);
    HOLDS(mmap(place + PAGE_SIZE, size, protection, MAP_SHARED | MAP_FIXED, file, 0) != MAP_FAILED);
    return place + PAGE_SIZE;
}

static int memory_file(size_t size)
{
    int file = memfd_create("fuzz", 0);
    HOLDS(file >= 0 && ftruncate(file, (off_t)size) == 0);
    return file;
}

static void map_all(void)
{
    for (unsigned i = 0; i < NUM_DEVICES; i++) {
        machines[i].ram = map(memory_file(RAM_SIZE), RAM_SIZE, PROT_READ | PROT_WRITE);
    }
    for (unsigned i = 0; i < NUM_VMMS; i++) {
        for (unsigned j = 0; j < NUM_VMMS; j++) {
            int file = memory_file(RING_SIZE);
            writable[i][j] = map(file, RING_SIZE, PROT_READ | PROT_WRITE);
            readable[i][j] = map(file, RING_SIZE, PROT_READ);
        }
    }
}

uint8_t *ring_of(unsigned writer, unsigned reader)
{
    return writable[writer][reader];
}

/* --- what a device may do in a call --- */

static void *translate(void *cookie, uint64_t address, size_t size)
{
    struct machine *machine = cookie;
    machine->translations++;
    HOLDS(machine->is_called);
    HOLDS(size > 0 && address <= UINT64_MAX - size);
    if (address < RAM_BASE || size > RAM_SIZE || address - RAM_BASE > RAM_SIZE - size) {
        return NULL;
    }
    return machine->ram + (address - RAM_BASE);
}

static void set_irq(void *cookie, bool level)
{
    struct machine *machine = cookie;
    HOLDS(machine->is_called);
    HOLDS(machine->irq != level);
    machine->irq = level;
}

static void notify_peer(void *cookie, unsigned peer)
{
    struct machine *machine = cookie;
    HOLDS(machine->is_called);
    HOLDS(peer < NUM_PEERS);
    unsigned vmm = is_alone(machine) ? HOSTILE_VMM : peer_at(machine->index, peer);
    if (vmm != HOSTILE_VMM) {
        machines[vmm].is_notified[peer_index(vmm, machine->index)] = true;
    }
}

/* Nobody can speak for somebody else: what is sent comes from our guest, what we make up for it is an RST. */
static void observe(void *cookie, const struct vsock_header *header, const struct vsock_bytes payload[2])
{
    struct machine *machine = cookie;
    uint64_t own = cid_of(machine->index);
    machine->observations++;
    HOLDS(machine->is_called);
    HOLDS(header->src_cid == own || (header->dst_cid == own && header->op == VSOCK_OP_RST));
    HOLDS(payload[0].size + payload[1].size == header->len);
    HOLDS(vsock_header_judge(header) == VSOCK_HEADER_GOOD);
}

static const struct vsock_ops ops = {
    .translate = translate, .set_irq = set_irq, .notify_peer = notify_peer, .observe = observe};

static void enter(struct machine *machine)
{
    HOLDS(!machine->is_called);
    machine->is_called = true;
    machine->translations = 0;
    machine->observations = 0;
}

static void check_queue(const struct machine *machine, const struct vsock_queue *queue)
{
    if (!queue->ready) {
        return;
    }
    HOLDS(queue->num > 0 && queue->num <= VSOCK_QUEUE_SIZE_MAX);
    HOLDS(queue->in_flight <= queue->num);
    /* What is returned was taken before. */
    HOLDS((uint16_t)(queue->available_index - queue->used_index) == queue->in_flight);
    if (!vsock_device_up(&machine->device)) {
        return;
    }
    /* What is held back costs an interrupt of its own, and is less than half of the queue. */
    uint16_t held = vsock_queue_unpublished(queue);
    if (machine->device.defers && queue == &machine->device.queues[QUEUE_TX]) {
        HOLDS(held == 0 || (held < queue->num / 2 && !machine->irq));
        HOLDS(vsock_device_holds_completions(&machine->device) == (held > 0));
    } else {
        HOLDS(held == 0);
    }
}

/* Nothing is put off that is urgent, nor by who does not defer. */
static void check_ring(const struct vsock_device *device, const struct vsock_ring *ring)
{
    HOLDS(ring->tail == ring->published_tail && ring->head == ring->published_head);
    HOLDS(!ring->is_urgent && (device->defers || !ring->tail_moved));
}

static void leave(struct machine *machine)
{
    const struct vsock_device *device = &machine->device;
    machine->is_called = false;
    HOLDS(machine->irq == (device->interrupt_status != 0));
    HOLDS(machine->irq == vsock_device_irq_level(device));
    HOLDS((device->interrupt_status & ~3u) == 0);
    for (unsigned i = 0; i < VSOCK_NUM_QUEUES; i++) {
        check_queue(machine, &device->queues[i]);
    }
    for (unsigned i = 0; i < device->num_peers; i++) {
        const struct vsock_peer *peer = &device->peers[i];
        HOLDS(peer->connections.count <= peer->connections.quota);
        HOLDS(peer->connections.survivors <= peer->connections.count);
        HOLDS(!peer->holding || (peer->left <= peer->ring.readable && peer->left <= peer->ring.data_size));
        check_ring(device, &peer->ring);
    }
    HOLDS(device->replies_count <= VSOCK_MAX_REPLIES);
    /* Work per call is bounded: a guest's end takes two budgets, and a packet at most a queue full of buffers. */
    HOLDS(machine->observations <= 2 * VSOCK_BUDGET);
    HOLDS(machine->translations <= 2 * (VSOCK_BUDGET + 1) * VSOCK_QUEUE_SIZE_MAX * (VSOCK_QUEUE_SIZE_MAX + 1));
}

/* --- calls --- */

uint64_t machine_read(struct machine *machine, uint64_t offset, unsigned width)
{
    uint64_t value = UINT64_MAX;
    enter(machine);
    HOLDS(!vsock_mmio_access(&machine->device, offset, width, false, &value));
    leave(machine);
    HOLDS(width == 8 || value >> (8 * width) == 0);
    return value;
}

void machine_write(struct machine *machine, uint64_t offset, unsigned width, uint64_t value)
{
    enter(machine);
    machine->has_more = vsock_mmio_access(&machine->device, offset, width, true, &value) || machine->has_more;
    leave(machine);
}

void machine_notified(struct machine *machine, unsigned peer)
{
    machine->is_notified[peer] = false;
    enter(machine);
    machine->has_more = vsock_device_notified(&machine->device, peer);
    leave(machine);
}

void machine_run(struct machine *machine)
{
    enter(machine);
    machine->has_more = vsock_device_run(&machine->device);
    leave(machine);
}

void machine_off(struct machine *machine)
{
    enter(machine);
    machine->has_more = vsock_device_guest_off(&machine->device);
    leave(machine);
    HOLDS(!machine->irq && machine_read(machine, 0x70, 4) == 0);
}

void machine_tick(struct machine *machine)
{
    enter(machine);
    machine->has_more = vsock_device_tick(&machine->device) || machine->has_more;
    leave(machine);
}

void machine_complete(struct machine *machine)
{
    enter(machine);
    vsock_device_complete(&machine->device);
    leave(machine);
    HOLDS(!vsock_device_holds_completions(&machine->device));
}

void machine_catch_up(struct machine *machine)
{
    enter(machine);
    vsock_device_catch_up(&machine->device);
    leave(machine);
    HOLDS(!vsock_device_holds_completions(&machine->device));
    for (unsigned i = 0; i < machine->device.num_peers; i++) {
        const struct vsock_ring *ring = &machine->device.peers[i].ring;
        HOLDS(!ring->tail_moved || ring->peer->head == ring->tail);
    }
}

void machines_catch_up(void)
{
    for (unsigned i = 0; i < NUM_DEVICES; i++) {
        machine_catch_up(&machines[i]);
    }
}

bool machines_settle(unsigned rounds)
{
    for (; rounds > 0; rounds--) {
        bool is_quiet = true;
        for (unsigned i = 0; i < NUM_DEVICES; i++) {
            struct machine *machine = &machines[i];
            for (unsigned peer = 0; peer < NUM_PEERS; peer++) {
                if (machine->is_notified[peer]) {
                    is_quiet = false;
                    machine_notified(machine, peer);
                }
            }
            if (machine->has_more) {
                is_quiet = false;
                machine_run(machine);
            }
        }
        if (is_quiet) {
            return true;
        }
    }
    return false;
}

void machine_isolate(void)
{
    struct machine *machine = &machines[0];
    struct vsock_setup setup = {
        .guest_cid = cid_of(0), .num_peers = 1, .ops = &ops, .cookie = machine, .defers = true};
    setup.peers[0] = (struct vsock_peer_setup){.cid = (uint32_t)cid_of(HOSTILE_VMM),
                                               .own_ring = writable[0][HOSTILE_VMM],
                                               .peer_ring = readable[HOSTILE_VMM][0],
                                               .ring_size = RING_SIZE};
    machine->irq = false;
    machine->has_more = false;
    enter(machine);
    HOLDS(vsock_device_init(&machine->device, &setup) == VSOCK_SETUP_GOOD);
    leave(machine);
}

void machines_start(void)
{
    if (machines[0].ram == NULL) {
        map_all();
    }
    for (unsigned i = 0; i < NUM_VMMS; i++) {
        for (unsigned j = 0; j < NUM_VMMS; j++) {
            memset(writable[i][j], 0, RING_SIZE);
        }
    }
    for (unsigned i = 0; i < NUM_DEVICES; i++) {
        struct machine *machine = &machines[i];
        struct vsock_setup setup = {.guest_cid = cid_of(i), .num_peers = NUM_PEERS, .ops = &ops, .cookie = machine};
        setup.defers = i != IMMEDIATE_DEVICE;
        for (unsigned peer = 0; peer < NUM_PEERS; peer++) {
            unsigned vmm = peer_at(i, peer);
            setup.peers[peer] = (struct vsock_peer_setup){.cid = (uint32_t)cid_of(vmm),
                                                          .own_ring = writable[i][vmm],
                                                          .peer_ring = readable[vmm][i],
                                                          .ring_size = RING_SIZE};
        }
        uint8_t *ram = machine->ram;
        memset(ram, 0, RAM_SIZE);
        memset(machine, 0, sizeof *machine);
        machine->ram = ram;
        machine->index = i;
        enter(machine);
        HOLDS(vsock_device_init(&machine->device, &setup) == VSOCK_SETUP_GOOD);
        leave(machine);
    }
}
