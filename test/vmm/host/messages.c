/* SPDX-License-Identifier: BSD-2-Clause */
/* Messages of the tests' QEMU on their socket. */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "../harness.h"
#include "front_end.h"

void bytes_send(int socket, const void *bytes, size_t size, const int *fds, unsigned num_fds)
{
    union {
        struct cmsghdr aligned;
        char bytes[CMSG_SPACE(32 * sizeof(int))];
    } control = {0};
    struct iovec part = {.iov_base = (void *)bytes, .iov_len = size};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    if (num_fds > 0) {
        message.msg_control = control.bytes;
        message.msg_controllen = CMSG_SPACE(num_fds * sizeof(int));
        struct cmsghdr *head = CMSG_FIRSTHDR(&message);
        head->cmsg_level = SOL_SOCKET;
        head->cmsg_type = SCM_RIGHTS;
        head->cmsg_len = CMSG_LEN(num_fds * sizeof(int));
        memcpy(CMSG_DATA(head), fds, num_fds * sizeof(int));
    }
    /* A back end that has had enough may be gone. */
    ssize_t sent = sendmsg(socket, &message, MSG_NOSIGNAL);
    CHECK(sent == (ssize_t)size || (sent < 0 && errno == EPIPE));
}

void message_send(int socket, uint32_t request, uint32_t flags, const void *payload, uint32_t size, const int *fds,
                  unsigned num_fds)
{
    uint8_t bytes[M_HEAD_SIZE + 1024];
    CHECK(size <= sizeof bytes - M_HEAD_SIZE);
    memcpy(bytes, &(uint32_t[]){request, flags, size}, M_HEAD_SIZE);
    if (size > 0) {
        memcpy(bytes + M_HEAD_SIZE, payload, size);
    }
    bytes_send(socket, bytes, M_HEAD_SIZE + size, fds, num_fds);
}

void send_value(struct front_end *front_end, uint32_t request, uint64_t value)
{
    message_send(front_end->socket, request, M_VERSION, &value, sizeof value, NULL, 0);
}

void send_state(struct front_end *front_end, uint32_t request, uint32_t index, uint32_t num)
{
    message_send(front_end->socket, request, M_VERSION, &(uint32_t[]){index, num}, 8, NULL, 0);
}

void send_fd(struct front_end *front_end, uint32_t request, uint64_t value, int fd)
{
    message_send(front_end->socket, request, M_VERSION, &value, sizeof value, &fd, 1);
}

static bool readable(int fd)
{
    int result;
    do {
        result = poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, STANDSTILL_MS);
    } while (result < 0 && errno == EINTR);
    return result == 1;
}

static void receive_bytes(int socket, void *to, size_t size)
{
    for (size_t got = 0; got < size;) {
        CHECK(readable(socket));
        ssize_t part = recv(socket, (uint8_t *)to + got, size - got, 0);
        CHECK(part > 0);
        got += (size_t)part;
    }
}

uint32_t message_receive(struct front_end *front_end, uint32_t request, void *payload, uint32_t size_max)
{
    uint32_t head[3];
    receive_bytes(front_end->socket, head, sizeof head);
    CHECK_EQUAL(head[0], request);
    CHECK_EQUAL(head[1], M_VERSION | M_IS_REPLY);
    CHECK(head[2] <= size_max);
    receive_bytes(front_end->socket, payload, head[2]);
    return head[2];
}

uint64_t ask_value(struct front_end *front_end, uint32_t request)
{
    uint64_t value;
    message_send(front_end->socket, request, M_VERSION, NULL, 0, NULL, 0);
    CHECK_EQUAL(message_receive(front_end, request, &value, sizeof value), sizeof value);
    return value;
}

uint32_t ask_base(struct front_end *front_end, unsigned queue)
{
    uint32_t state[2];
    send_state(front_end, M_GET_VRING_BASE, queue, 0);
    CHECK_EQUAL(message_receive(front_end, M_GET_VRING_BASE, state, sizeof state), sizeof state);
    CHECK_EQUAL(state[0], queue);
    return state[1];
}

void front_end_sync(struct front_end *front_end)
{
    (void)ask_value(front_end, M_GET_FEATURES);
}

void front_end_expect_end(struct front_end *front_end)
{
    uint8_t byte;
    CHECK(readable(front_end->socket));
    ssize_t got = recv(front_end->socket, &byte, 1, 0);
    CHECK(got == 0 || (got < 0 && errno == ECONNRESET));
}
