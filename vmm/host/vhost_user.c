/* SPDX-License-Identifier: BSD-2-Clause */
/* Messages of vhost-user on their socket. */
#include "vhost_user.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct head {
    uint32_t request;
    uint32_t flags;
    uint32_t size;
};
_Static_assert(sizeof(struct head) == 12, "the head is packed");

enum {
    FLAG_VERSION_MASK = 3,
    FLAG_VERSION = 1,
    FLAG_REPLY = 4,
    FLAG_NEED_REPLY = 8,
};

const char vhost_user_closed[] = "closed";

static void take_fds(struct msghdr *received, struct vhost_user_message *message)
{
    for (struct cmsghdr *part = CMSG_FIRSTHDR(received); part != NULL; part = CMSG_NXTHDR(received, part)) {
        if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) {
            continue;
        }
        /* There is only room for as many as fds[] takes: more were never received (MSG_CTRUNC). */
        size_t size = part->cmsg_len - CMSG_LEN(0);
        memcpy(message->fds, CMSG_DATA(part), size);
        message->num_fds = (unsigned)(size / sizeof(int));
    }
}

/* NULL when all `size` bytes have come, within the socket's time limit. */
static const char *receive_bytes(int socket, void *to, size_t size)
{
    ssize_t got;
    do {
        got = recv(socket, to, size, MSG_WAITALL);
    } while (got < 0 && errno == EINTR);
    return got == (ssize_t)size ? NULL : "the front end broke off in the middle of a message";
}

const char *vhost_user_receive(int socket, struct vhost_user_message *message)
{
    memset(message, 0, sizeof *message);
    struct head head;
    union {
        struct cmsghdr aligned;
        char bytes[CMSG_SPACE(VHOST_USER_REGIONS_MAX * sizeof(int))];
    } control;
    struct iovec part = {.iov_base = &head, .iov_len = sizeof head};
    struct msghdr received = {.msg_iov = &part,
                              .msg_iovlen = 1,
                              .msg_control = control.bytes,
                              .msg_controllen = sizeof control.bytes};
    ssize_t got;
    do {
        got = recvmsg(socket, &received, MSG_CMSG_CLOEXEC | MSG_WAITALL);
    } while (got < 0 && errno == EINTR);
    if (got == 0 || (got < 0 && errno == ECONNRESET)) {
        return vhost_user_closed;
    }
    if (got < 0) {
        return strerror(errno);
    }
    take_fds(&received, message);
    if (got != (ssize_t)sizeof head || (received.msg_flags & MSG_CTRUNC) != 0) {
        return "the front end sent half a message head, or too many descriptors";
    }
    if ((head.flags & FLAG_VERSION_MASK) != FLAG_VERSION || head.size > sizeof message->payload) {
        return "the front end speaks another protocol than vhost-user version 1, or sent too long a message";
    }
    message->request = head.request;
    message->wants_reply = (head.flags & FLAG_NEED_REPLY) != 0;
    message->size = head.size;
    return head.size == 0 ? NULL : receive_bytes(socket, &message->payload, head.size);
}

void vhost_user_close_fds(struct vhost_user_message *message)
{
    for (unsigned i = 0; i < message->num_fds; i++) {
        if (message->fds[i] >= 0) {
            close(message->fds[i]);
        }
    }
    message->num_fds = 0;
}

const char *vhost_user_reply(int socket, const struct vhost_user_message *message, uint32_t size)
{
    struct {
        struct head head;
        union vhost_user_payload payload;
    } __attribute__((packed)) reply = {
        .head = {.request = message->request, .flags = FLAG_VERSION | FLAG_REPLY, .size = size},
        .payload = message->payload,
    };
    size_t whole = sizeof reply.head + size;
    ssize_t sent;
    do {
        sent = send(socket, &reply, whole, MSG_NOSIGNAL | MSG_DONTWAIT);
    } while (sent < 0 && errno == EINTR);
    if (sent < 0 && (errno == EPIPE || errno == ECONNRESET)) {
        return vhost_user_closed;
    }
    return sent == (ssize_t)whole ? NULL : "the front end does not read its answers";
}
