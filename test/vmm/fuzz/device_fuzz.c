/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The fuzzer's input is a program: operations of one byte, each followed by its operands (little endian; what is missing
 * at the end is 0). It plays the hostile guest and the hostile VMM, moves the honest guests on, and decides who runs
 * when. After its last operation the honest guests must still be able to talk, and the hostile one's device to start
 * again. language.ts reads the names of the operations here, and corpus.ts has programs that reach all of them.
 */
#include <string.h>

#include "aftermath.h"

enum op {
    OP_READ_REGISTER,  /* u16 offset, u8 width */
    OP_WRITE_REGISTER, /* u16 offset, u8 width, u32 value */
    OP_WRITE_RAM,      /* u16 address, u8 size, bytes */
    OP_FILL_RAM,       /* u16 address, u16 size, u8 byte */
    OP_BOOT,           /* u32 features (of those that are offered), u8 exponent of the queues' size */
    OP_DESCRIBE,       /* u8 queue, u8 index, u16 address, u32 size, u16 flags, u16 next */
    OP_OFFER,          /* u8 queue, u16 head */
    OP_KICK,           /* u8 queue */
    OP_PACKET,         /* packet, u8 descriptors that it is in */
    OP_BUFFERS,        /* u8 number, u16 size */
    OP_RING_WORD,      /* u8 reader, u8 word, u32 value */
    OP_RING_ADVANCE,   /* u8 reader, u8 word, u16 by how much */
    OP_RING_BYTES,     /* u8 reader, u16 position, u8 size, bytes */
    OP_RECORD,         /* u8 reader, packet, u32 epoch, u32 peer's epoch: each added to the right one */
    OP_READ_RING,      /* u8 writer: reads all */
    OP_NOTIFY,         /* u8 device, u8 peer */
    OP_RUN,            /* u8 device */
    OP_TICK,           /* u8 device */
    OP_SETTLE,
    OP_OFF,            /* u8 device */
    OP_ISOLATE,
    OP_HONEST_SEND,    /* u8 which of the two, packet */
    OP_HONEST_RECEIVE, /* u8 which of the two */
    OP_COMPLETE,       /* u8 device */
    OP_CATCH_UP,       /* u8 device */
    NUM_OPS,
};

#define ANY_FEATURES 0x80000000u /* also such as are not offered */

#define OPS_MAX 512u /* of one program: more of the same shows nothing new */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
    const uint8_t *at;
    size_t left;
};

static uint64_t take(struct input *input, unsigned bytes)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < bytes && input->left > 0; i++, input->at++, input->left--) {
        value |= (uint64_t)*input->at << (8 * i);
    }
    return value;
}

/* u8 source, u8 destination, u8 ports, u8 type, u8 operation, u16 length, u8 flags, u8 credit */
static struct vsock_header take_packet(struct input *input, unsigned vmm)
{
    struct vsock_header header = {0};
    header.src_cid = cid_of(vmm) + take(input, 1); /* 0: no lie */
    header.dst_cid = cid_of(0) + take(input, 1);
    unsigned ports = (unsigned)take(input, 1);
    header.src_port = 1000 + ports % 16;
    header.dst_port = 1000 + ports / 16;
    header.type = (uint16_t)(VSOCK_TYPE_STREAM + take(input, 1));
    header.op = (uint16_t)take(input, 1);
    header.len = (uint32_t)take(input, 2);
    header.flags = (uint32_t)take(input, 1);
    header.len += (header.flags & 0x80) << 9; /* also more than a packet may have */
    header.buf_alloc = (uint32_t)take(input, 1) << 24;
    return header;
}

static void take_bytes(struct input *input, uint8_t *to, size_t size)
{
    for (size_t i = 0; i < size && input->left > 0; i++) {
        to[i] = (uint8_t)take(input, 1);
    }
}

/* --- the hostile guest --- */

/* `size` bytes from an address on that fit into RAM. */
static size_t clip(uint64_t address, size_t size)
{
    return size < RAM_SIZE - address ? size : RAM_SIZE - address;
}

/* A packet in one descriptor, or in several with the header torn apart; its buffers may overlap others'. */
static void send_hostile(struct input *input)
{
    struct driver *driver = &drivers[0];
    struct vsock_header header = take_packet(input, 0);
    unsigned pieces = 1 + (unsigned)take(input, 1) % 4;
    unsigned index = driver->available[QUEUE_TX] * 4u % QUEUE_NUM;
    uint64_t address = BUFFER(QUEUE_TX, index % 8);
    uint32_t left = VSOCK_HEADER_SIZE + (header.len < 8 * BUFFER_SIZE ? header.len : 8 * BUFFER_SIZE);
    vsock_header_render(&header, driver_memory(&machines[0], address));
    for (unsigned i = 0; i < pieces; i++) {
        uint32_t size = i + 1 < pieces ? (left < 20 ? left : 20) : left;
        driver_describe(driver, QUEUE_TX, index + i, address, size, i + 1 < pieces ? 1 : 0, (uint16_t)(index + i + 1));
        address += size;
        left -= size;
    }
    driver_offer(driver, QUEUE_TX, (uint16_t)index);
    driver_kick(driver, QUEUE_TX);
}

static void post_hostile(struct input *input)
{
    struct driver *driver = &drivers[0];
    unsigned num = (unsigned)take(input, 1) % (QUEUE_NUM + 1);
    uint32_t size = (uint32_t)take(input, 2);
    for (unsigned i = 0; i < num; i++) {
        unsigned index = driver->available[QUEUE_RX] % QUEUE_NUM;
        driver_describe(driver, QUEUE_RX, index, BUFFER(QUEUE_RX, index), size, 2, 0);
        driver_offer(driver, QUEUE_RX, (uint16_t)index);
    }
    driver_kick(driver, QUEUE_RX);
}

static void boot_hostile(struct input *input)
{
    uint32_t features = (uint32_t)take(input, 4);
    machine_write(&machines[0], 0x14, 4, 0);
    uint32_t offered = (uint32_t)machine_read(&machines[0], 0x10, 4);
    features &= (features & ANY_FEATURES) != 0 ? ~ANY_FEATURES : offered;
    (void)driver_boot(&drivers[0], &machines[0], UINT64_C(1) << 32 | features, 1u << take(input, 1) % 5);
}

static void describe(struct input *input)
{
    unsigned queue = (unsigned)take(input, 1) % VSOCK_NUM_QUEUES, index = (unsigned)take(input, 1);
    uint64_t address = RAM_BASE + take(input, 2);
    uint32_t size = (uint32_t)take(input, 4);
    uint16_t flags = (uint16_t)take(input, 2);
    driver_describe(&drivers[0], queue, index, address, size, flags, (uint16_t)take(input, 2));
}

static void run_guest_op(enum op op, struct input *input)
{
    struct machine *machine = &machines[0];
    uint64_t offset = take(input, op == OP_KICK || op == OP_OFFER ? 1 : 2);
    static const unsigned widths[] = {4, 1, 2, 8};
    unsigned width;
    size_t size;
    switch (op) {
    case OP_READ_REGISTER:
        (void)machine_read(machine, offset, widths[take(input, 1) % 4]);
        break;
    case OP_WRITE_REGISTER:
        width = widths[take(input, 1) % 4];
        machine_write(machine, offset, width, take(input, 4));
        break;
    case OP_WRITE_RAM:
        size = clip(offset, take(input, 1));
        take_bytes(input, machine->ram + offset, size);
        break;
    case OP_FILL_RAM:
        size = clip(offset, take(input, 2));
        memset(machine->ram + offset, (int)take(input, 1), size);
        break;
    case OP_OFFER:
        driver_offer(&drivers[0], offset % VSOCK_NUM_QUEUES, (uint16_t)take(input, 2));
        break;
    default:
        driver_kick(&drivers[0], (unsigned)offset);
        break;
    }
}

/* --- the hostile VMM --- */

static struct vsock_ring_region *hostile_ring(struct input *input, unsigned *reader)
{
    *reader = (unsigned)take(input, 1) % NUM_DEVICES;
    return (struct vsock_ring_region *)(void *)ring_of(HOSTILE_VMM, *reader);
}

static uint32_t *ring_word(struct vsock_ring_region *region, unsigned word)
{
    uint32_t *const words[] = {&region->tail, &region->epoch, &region->want_room, &region->head, &region->sleeping};
    return words[word % 5];
}

/* A record as it ought to be, but for what the input makes of it. */
static void send_record(struct input *input)
{
    unsigned reader;
    struct vsock_ring_region *own = hostile_ring(input, &reader);
    struct vsock_ring ring = {.own = own, .data_size = RING_SIZE - VSOCK_RING_HEADER_SIZE, .tail = own->tail};
    struct vsock_header header = take_packet(input, HOSTILE_VMM);
    const struct vsock_ring_region *theirs = (const void *)ring_of(reader, HOSTILE_VMM);
    ring.epoch = own->epoch + (uint32_t)take(input, 4);
    ring.peer_epoch = theirs->epoch + (uint32_t)take(input, 4);
    vsock_ring_begin(&ring, &header, false);
    vsock_ring_write(&ring, pattern, header.len < sizeof pattern ? header.len : sizeof pattern);
    vsock_ring_end(&ring, true);
    own->tail = ring.tail;
    machine_notified(&machines[reader], is_alone(&machines[reader]) ? 0 : peer_index(reader, HOSTILE_VMM));
}

static void run_ring_op(enum op op, struct input *input)
{
    unsigned vmm;
    struct vsock_ring_region *region = hostile_ring(input, &vmm);
    unsigned word = (unsigned)take(input, op == OP_RING_BYTES ? 2 : 1);
    switch (op) {
    case OP_RING_WORD:
        *ring_word(region, word) = (uint32_t)take(input, 4);
        break;
    case OP_RING_ADVANCE:
        *ring_word(region, word) += (uint32_t)take(input, 2);
        break;
    case OP_RING_BYTES:
        word %= RING_SIZE - 256;
        take_bytes(input, (uint8_t *)region + word, take(input, 1));
        break;
    default:
        region->head = ((const struct vsock_ring_region *)(const void *)ring_of(vmm, HOSTILE_VMM))->tail;
        break;
    }
}

/* --- the honest guests --- */

static void send_honest(struct input *input)
{
    unsigned index = 1 + (unsigned)take(input, 1) % 2;
    struct vsock_header header = take_packet(input, index);
    header.src_cid = cid_of(index);
    header.type = header.type == VSOCK_TYPE_SEQPACKET ? VSOCK_TYPE_SEQPACKET : VSOCK_TYPE_STREAM;
    header.op = (uint16_t)(1 + header.op % VSOCK_OP_CREDIT_REQUEST);
    header.len = header.op == VSOCK_OP_RW ? header.len % (BUFFER_SIZE - VSOCK_HEADER_SIZE + 1) : 0;
    (void)driver_send(&drivers[index], &header, pattern);
}

static void run_op(enum op op, struct input *input)
{
    struct vsock_header header;
    unsigned vmm;
    switch (op) {
    case OP_READ_REGISTER:
    case OP_WRITE_REGISTER:
    case OP_WRITE_RAM:
    case OP_FILL_RAM:
    case OP_OFFER:
    case OP_KICK:
        run_guest_op(op, input);
        break;
    case OP_BOOT:
        boot_hostile(input);
        break;
    case OP_DESCRIBE:
        describe(input);
        break;
    case OP_PACKET:
        send_hostile(input);
        break;
    case OP_BUFFERS:
        post_hostile(input);
        break;
    case OP_RING_WORD:
    case OP_RING_ADVANCE:
    case OP_RING_BYTES:
    case OP_READ_RING:
        run_ring_op(op, input);
        break;
    case OP_RECORD:
        send_record(input);
        break;
    case OP_NOTIFY:
        vmm = (unsigned)take(input, 1) % NUM_DEVICES;
        machine_notified(&machines[vmm], (unsigned)take(input, 1) % NUM_PEERS);
        break;
    case OP_RUN:
        machine_run(&machines[take(input, 1) % NUM_DEVICES]);
        break;
    case OP_TICK:
        machine_tick(&machines[take(input, 1) % NUM_DEVICES]);
        break;
    case OP_SETTLE:
        (void)machines_settle(16);
        break;
    case OP_OFF:
        machine_off(&machines[0]);
        break;
    case OP_ISOLATE:
        machine_isolate();
        drivers[0] = (struct driver){.machine = &machines[0]};
        break;
    case OP_HONEST_SEND:
        send_honest(input);
        break;
    case OP_HONEST_RECEIVE:
        (void)receive_honest(1 + (unsigned)take(input, 1) % 2, &header);
        break;
    case OP_COMPLETE:
        machine_complete(&machines[take(input, 1) % NUM_DEVICES]);
        break;
    case OP_CATCH_UP:
        machine_catch_up(&machines[take(input, 1) % NUM_DEVICES]);
        break;
    case NUM_OPS:
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    for (unsigned i = 0; i < sizeof pattern; i++) {
        pattern[i] = (uint8_t)(i * 7 + 3);
    }
    machines_start();
    drivers[0] = (struct driver){.machine = &machines[0]}; /* the input boots it */
    for (unsigned i = 1; i < NUM_DEVICES; i++) {
        HOLDS(driver_boot(&drivers[i], &machines[i], HONEST_FEATURES, QUEUE_NUM));
        driver_post_all(&drivers[i]);
    }
    struct input input = {.at = data, .left = size};
    for (unsigned ops = 0; ops < OPS_MAX && input.left > 0; ops++) {
        run_op((enum op)(take(&input, 1) % NUM_OPS), &input);
    }
    check_aftermath();
    return 0;
}
