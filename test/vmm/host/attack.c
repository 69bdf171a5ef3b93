/* SPDX-License-Identifier: BSD-2-Clause */
#include "attack.h"

#include <sys/socket.h>

static struct packet packet;

void check_refused(void (*attack)(struct front_end *), const char *why)
{
    front_end_free_all();
    back_end_start(2);
    struct front_end *peer = front_end_boot(back_end_path(1), 4);
    unsigned before = count_fds();
    struct front_end *front_end = front_end_new(back_end_path(0), 3);
    front_end_realize(front_end);
    attack(front_end);
    back_end_expect(why);
    front_end_expect_end(front_end);
    CHECK_EQUAL(back_end_said("CID 3: connection ended"), 1);
    front_end_free(front_end);
    CHECK_EQUAL(count_fds(), before);
    front_ends_connect(front_end_boot(back_end_path(0), 3), peer);
}

void check_refused_up(void (*attack)(struct front_end *), const char *why)
{
    front_end_free_all();
    back_end_start(2);
    struct front_end *peer = front_end_boot(back_end_path(1), 4);
    unsigned before = count_fds();
    struct front_end *front_end = front_end_boot(back_end_path(0), 3);
    front_ends_connect(front_end, peer);
    front_end_post(peer, 1, 3776);
    attack(front_end);
    back_end_expect(why);
    uint64_t fault;
    while (recv(front_end->socket, &fault, sizeof fault, 0) > 0) {
    }
    front_end_expect(peer, &packet, VSOCK_OP_RST);
    front_end_free(front_end);
    CHECK_EQUAL(count_fds(), before);
    front_ends_connect(front_end_boot(back_end_path(0), 3), peer);
}

void check_harmless(void (*attack)(struct front_end *))
{
    front_end_free_all();
    back_end_start(2);
    struct front_end *peer = front_end_boot(back_end_path(1), 4);
    unsigned before = count_fds();
    struct front_end *front_end = front_end_new(back_end_path(0), 3);
    front_end_realize(front_end);
    attack(front_end);
    front_end_start(front_end);
    front_ends_connect(front_end, peer);
    front_end_free(front_end);
    back_end_expect("CID 3: QEMU is gone");
    CHECK_EQUAL(count_fds(), before);
}
