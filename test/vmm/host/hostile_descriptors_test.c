/* SPDX-License-Identifier: BSD-2-Clause */
/* Descriptors where none belong, too many of them, or of the wrong kind. */
#include <unistd.h>

#include "attack.h"

static void many_fds(const struct front_end *front_end, int *fds, unsigned num)
{
    for (unsigned i = 0; i < num; i++) {
        fds[i] = front_end->memory;
    }
}

REFUSED(hostile_nine_descriptors, "the front end sent half a message head, or too many descriptors")
{
    int fds[9];
    uint64_t value = 0;
    many_fds(front_end, fds, 9);
    message_send(front_end->socket, M_SET_VRING_CALL, M_VERSION, &value, 8, fds, 9);
}

HARMLESS(hostile_descriptors_where_none_belong)
{
    int fds[8];
    uint64_t value = F_LINUX | F_PROTOCOL_FEATURES, fault;
    many_fds(front_end, fds, 8);
    message_send(front_end->socket, M_SET_FEATURES, M_VERSION, &value, 8, fds, 8);
    message_send(front_end->socket, M_SET_OWNER, M_VERSION, NULL, 0, fds, 8);
    message_send(front_end->socket, M_GET_FEATURES, M_VERSION, NULL, 0, fds, 8);
    message_receive(front_end, M_GET_FEATURES, &fault, 8);
    /* with the payload instead of the head */
    bytes_send(front_end->socket, &(uint32_t[]){M_SET_FEATURES, M_VERSION, 8}, M_HEAD_SIZE, NULL, 0);
    bytes_send(front_end->socket, &value, 8, fds, 8);
    front_end_sync(front_end);
}

HARMLESS(hostile_more_descriptors_than_one)
{
    for (uint64_t i = 0; i < 2; i++) {
        message_send(front_end->socket, M_SET_VRING_CALL, M_VERSION, &i, 8, front_end->calls, 2);
        message_send(front_end->socket, M_SET_VRING_KICK, M_VERSION, &i, 8, front_end->kicks, 2);
        message_send(front_end->socket, M_SET_VRING_ERR, M_VERSION, &i, 8, front_end->kicks, 2);
    }
    front_end_sync(front_end);
}

REFUSED(hostile_kick_without_a_descriptor, "a kick is no eventfd")
{
    send_value(front_end, M_SET_VRING_KICK, RX | M_NO_FD);
}

REFUSED(hostile_kick_is_a_pipe, "a kick is no eventfd")
{
    int ends[2];
    CHECK(pipe(ends) == 0);
    send_fd(front_end, M_SET_VRING_KICK, RX, ends[0]);
    close(ends[0]);
    close(ends[1]);
}

REFUSED(hostile_kick_is_a_file, "a kick is no eventfd")
{
    send_fd(front_end, M_SET_VRING_KICK, TX, front_end->memory);
}

REFUSED(hostile_kick_is_the_socket, "a kick is no eventfd")
{
    send_fd(front_end, M_SET_VRING_KICK, TX, front_end->socket);
}

REFUSED(hostile_call_is_a_pipe, "a call is no eventfd")
{
    int ends[2];
    CHECK(pipe(ends) == 0);
    send_fd(front_end, M_SET_VRING_CALL, RX, ends[1]);
    close(ends[0]);
    close(ends[1]);
}

/* Its end here keeps it alive: nothing to poll in vain. */
TEST(hostile_kick_is_closed)
{
    front_end_free_all();
    back_end_start(2);
    struct front_end *front_end = front_end_boot(back_end_path(0), 3);
    for (unsigned i = 0; i < 2; i++) {
        close(front_end->kicks[i]);
        front_end->kicks[i] = -1;
    }
    uint64_t before = back_end_busy_ms(0);
    usleep(300 * 1000);
    CHECK(back_end_busy_ms(0) - before < 20);
    front_end_sync(front_end);
}
