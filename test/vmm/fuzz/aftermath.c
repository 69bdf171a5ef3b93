/* SPDX-License-Identifier: BSD-2-Clause */
/* After a hostile program: all comes to rest, others' connections work, and a new driver of the attacked device too. */
#include "aftermath.h"

#include <string.h>

#define ROUNDS_MAX 2000u
#define ROUNDS_PER_CATCH_UP 16u /* a round is some milliseconds of a seat's */
#define TICKS (3 * VSOCK_PATIENCE)

struct driver drivers[NUM_DEVICES];
uint8_t pattern[BUFFER_SIZE];

bool receive_honest(unsigned index, struct vsock_header *header)
{
    static uint8_t payload[BUFFER_SIZE];
    if (!driver_receive(&drivers[index], header, payload)) {
        return false;
    }
    HOLDS(header->src_cid != cid_of(3 - index) || memcmp(payload, pattern, header->len) == 0);
    return true;
}

/* Until `to` receives this from `from`; whatever else comes is read as well. */
static void expect(unsigned from, unsigned to, uint32_t port, unsigned op, uint32_t len)
{
    struct vsock_header header;
    for (unsigned round = 0; round < ROUNDS_MAX; round++) {
        (void)machines_settle(1);
        if (round % ROUNDS_PER_CATCH_UP == ROUNDS_PER_CATCH_UP - 1) {
            machines_catch_up();
        }
        while (receive_honest(to, &header)) {
            if (header.src_cid == cid_of(from) && header.dst_port == port && header.op == op) {
                HOLDS(header.len == len);
                return;
            }
        }
        while (receive_honest(from == 0 ? to : from, &header)) {
        }
    }
    HOLDS(!"a packet arrives");
}

static void pass(unsigned from, unsigned to, uint32_t port, unsigned op, uint32_t len)
{
    struct vsock_header header = {
        .src_cid = cid_of(from),
        .dst_cid = cid_of(to),
        .src_port = port,
        .dst_port = port,
        .type = VSOCK_TYPE_STREAM,
        .op = (uint16_t)op,
        .len = len,
        .buf_alloc = 0x40000,
    };
    HOLDS(driver_send(&drivers[from], &header, pattern));
    expect(from, to, port, op, len);
}

void check_aftermath(void)
{
    struct vsock_header header;
    for (unsigned round = 0; !machines_settle(16); round++) {
        HOLDS(round < ROUNDS_MAX);
        machines_catch_up();
        while (receive_honest(1, &header) || receive_honest(2, &header)) {
        }
    }
    /* A peer that is silent may hold what the honest ones need to talk with each other, but not for long. */
    for (unsigned tick = 0; is_alone(&machines[0]) && tick < TICKS; tick++) {
        machines_catch_up();
        machine_tick(&machines[1]);
        machine_tick(&machines[2]);
        (void)machines_settle(ROUNDS_MAX);
        while (receive_honest(1, &header) || receive_honest(2, &header)) {
        }
    }
    const uint32_t port = 77777; /* that no program uses */
    pass(1, 2, port, VSOCK_OP_REQUEST, 0);
    pass(2, 1, port, VSOCK_OP_RESPONSE, 0);
    pass(1, 2, port, VSOCK_OP_CREDIT_UPDATE, 0); /* which is put off */
    pass(2, 1, port, VSOCK_OP_CREDIT_UPDATE, 0);
    for (unsigned i = 0; i < 8; i++) { /* more than the ring holds */
        pass(1, 2, port, VSOCK_OP_RW, 1000);
    }
    HOLDS(driver_boot(&drivers[0], &machines[0], HONEST_FEATURES, QUEUE_NUM));
    driver_post_all(&drivers[0]);
    if (!is_alone(&machines[0])) {
        pass(0, 1, port, VSOCK_OP_REQUEST, 0);
    }
}
