/* SPDX-License-Identifier: BSD-2-Clause */
#include "capture.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "report.h"

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "vsockmon's header is little endian, and so must be this machine"
#endif

#define PCAP_MAGIC_NANOSECONDS 0xa1b23c4du
#define PCAP_LINKTYPE_VSOCK    271u

struct pcap_file_header {
    uint32_t magic;
    uint16_t version_major;
    uint16_t version_minor;
    uint32_t reserved[2];
    uint32_t snap_length;
    uint32_t link_type;
};

struct pcap_packet_header {
    uint32_t seconds;
    uint32_t nanoseconds;
    uint32_t captured_length;
    uint32_t length;
};

struct vsockmon_header {
    uint64_t src_cid;
    uint64_t dst_cid;
    uint32_t src_port;
    uint32_t dst_port;
    uint16_t op;
    uint16_t transport;
    uint16_t transport_header_size;
    uint8_t reserved[2];
} __attribute__((packed));
_Static_assert(sizeof(struct pcap_file_header) == 24 && sizeof(struct pcap_packet_header) == 16
                   && sizeof(struct vsockmon_header) == 32,
               "layouts of the file");

enum vsockmon_op {
    VSOCKMON_UNKNOWN = 0,
    VSOCKMON_CONNECT = 1,
    VSOCKMON_DISCONNECT = 2,
    VSOCKMON_CONTROL = 3,
    VSOCKMON_PAYLOAD = 4,
};
enum vsockmon_transport {
    VSOCKMON_VIRTIO = 2,
};

static atomic_int file = -1; /* changed under the lock only */
static off_t size_whole;     /* of what is in the file, up to the last packet that was written whole */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* NULL, or why the file did not take all. */
static const char *write_all(const struct iovec *parts, unsigned num_parts, size_t size)
{
    ssize_t written = writev(file, parts, (int)num_parts);
    if (written == (ssize_t)size) {
        size_whole += written;
        return NULL;
    }
    return written < 0 ? strerror(errno) : "no room for a whole packet";
}

const char *capture_open(const char *path)
{
    file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (file < 0) {
        return strerror(errno);
    }
    struct pcap_file_header header = {
        .magic = PCAP_MAGIC_NANOSECONDS,
        .version_major = 2,
        .version_minor = 4,
        .snap_length = sizeof(struct vsockmon_header) + VSOCK_HEADER_SIZE + VSOCK_PAYLOAD_SIZE_MAX,
        .link_type = PCAP_LINKTYPE_VSOCK,
    };
    return write_all(&(struct iovec){.iov_base = &header, .iov_len = sizeof header}, 1, sizeof header);
}

static enum vsockmon_op op_of(const struct vsock_header *header)
{
    switch (header->op) {
    case VSOCK_OP_REQUEST:
    case VSOCK_OP_RESPONSE:
        return VSOCKMON_CONNECT;
    case VSOCK_OP_RST:
    case VSOCK_OP_SHUTDOWN:
        return VSOCKMON_DISCONNECT;
    case VSOCK_OP_RW:
        return VSOCKMON_PAYLOAD;
    case VSOCK_OP_CREDIT_UPDATE:
    case VSOCK_OP_CREDIT_REQUEST:
        return VSOCKMON_CONTROL;
    default: /* whatever a guest says */
        return VSOCKMON_UNKNOWN;
    }
}

/* The first part is the packet header. Its time is taken under the lock, so that times in the file never go back. */
static void append(struct pcap_packet_header *packet, struct iovec *parts, unsigned num_parts, size_t size)
{
    pthread_mutex_lock(&lock);
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    packet->seconds = (uint32_t)now.tv_sec;
    packet->nanoseconds = (uint32_t)now.tv_nsec;
    const char *fault = file >= 0 ? write_all(parts, num_parts, size) : NULL;
    if (fault != NULL) {
        report("the capture ends here: %s", fault);
        int ignored = ftruncate(file, size_whole); /* what is no file cannot be cut */
        (void)ignored;
        close(file);
        file = -1;
    }
    pthread_mutex_unlock(&lock);
}

void capture_packet(void *cookie, const struct vsock_header *header, const struct vsock_bytes payload[2])
{
    (void)cookie;
    if (file < 0) {
        return;
    }
    struct vsockmon_header monitor = {
        .src_cid = header->src_cid,
        .dst_cid = header->dst_cid,
        .src_port = header->src_port,
        .dst_port = header->dst_port,
        .op = (uint16_t)op_of(header),
        .transport = VSOCKMON_VIRTIO,
        .transport_header_size = VSOCK_HEADER_SIZE,
    };
    uint8_t wire[VSOCK_HEADER_SIZE];
    vsock_header_render(header, wire);
    size_t size = sizeof monitor + sizeof wire + payload[0].size + payload[1].size;
    struct pcap_packet_header packet = {.captured_length = (uint32_t)size, .length = (uint32_t)size};
    struct iovec parts[] = {
        {.iov_base = &packet, .iov_len = sizeof packet},
        {.iov_base = &monitor, .iov_len = sizeof monitor},
        {.iov_base = wire, .iov_len = sizeof wire},
        {.iov_base = (void *)payload[0].data, .iov_len = payload[0].size},
        {.iov_base = (void *)payload[1].data, .iov_len = payload[1].size},
    };
    append(&packet, parts, sizeof parts / sizeof parts[0], sizeof packet + size);
}
