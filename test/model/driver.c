/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Device cores back to back, each with a simulated guest, driven by lines on stdin: one line is one thing that a guest
 * or the world does, and after it the driver says on stdout what every guest can see. It judges nothing but what no
 * model could know (bytes written past a used length, a descriptor table that changed): model.ts is the judge.
 *
 *   world N RING START EPOCH       N guests with CIDs 3 ..; all ring positions begin at START, all epochs at EPOCH
 *   boot G FEATURES RX TX          a driver starts, with queues of RX and TX descriptors
 *   end G KIND                     status, off, failed or queue: the four ways a guest's life ends
 *   tx G KICK SERIAL SRC DST SPORT DPORT LEN TYPE OP FLAGS BUF FWD FAULT SIZE...    a packet in segments
 *   rx G KICK SERIAL FAULT SIZE... a receive buffer in segments
 *   break G QUEUE KIND             index, loop or jump: what no honest driver does
 *   kick G QUEUE · notify G PEER · ack G · flags G QUEUE VALUE · settle
 *   done                           echoed, after everything that came before
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "driver.h"

static struct world world;

static void check(bool good, const char *what)
{
    if (!good) {
        printf("! %s\n", what);
    }
}

/* --- what the guests see --- */

static uint32_t hash(const uint8_t *bytes, uint32_t size)
{
    uint32_t value = 2166136261u;
    for (uint32_t i = 0; i < size; i++) {
        value = (value ^ bytes[i]) * 16777619u;
    }
    return value;
}

static void say_packet(const struct guest *guest, const struct chain *chain, uint32_t length)
{
    const uint8_t *bytes = guest->ram + (chain->address - RAM_BASE);
    for (uint32_t i = length; i < chain->size + CANARY; i++) {
        if (bytes[i] != 0xee) {
            printf("! wrote past the used length, at %u of %u\n", i, length);
            break;
        }
    }
    if (length >= VSOCK_HEADER_SIZE) {
        struct vsock_header h = vsock_header_parse(bytes);
        printf(" %" PRIu64 " %" PRIu64 " %u %u %u %u %u %u %u %u %u", h.src_cid, h.dst_cid, h.src_port, h.dst_port,
               h.len, h.type, h.op, h.flags, h.buf_alloc, h.fwd_cnt,
               hash(bytes + VSOCK_HEADER_SIZE, length - VSOCK_HEADER_SIZE));
    }
}

static void say_used(struct guest *guest, unsigned index)
{
    struct chain chain;
    uint32_t length;
    enum used_result result;
    while ((result = guest_used(guest, index, &chain, &length)) == USED_CHAIN) {
        printf("%c %" PRIu64 " %u %u", index == RX ? 'r' : 't', guest->cid - 3, chain.serial, length);
        if (index == RX) {
            say_packet(guest, &chain, length);
        }
        printf("\n");
    }
    check(result == USED_NONE, "a chain came back that was not out");
}

static void say_all(void)
{
    for (unsigned i = 0; i < world.num; i++) {
        struct guest *guest = world.guests[i];
        if (guest->is_up) {
            say_used(guest, RX);
            say_used(guest, TX);
            check(guest_is_untouched(guest), "descriptors or available rings changed");
        }
        printf("s %u %u %u %u %u %u\n", i, guest_read(guest, R_STATUS), guest_read(guest, R_INTERRUPT_STATUS),
               guest->irq, guest->irq_rises, guest->irq_falls);
        guest->irq_rises = guest->irq_falls = 0;
    }
}

/* --- what they do --- */

static uint64_t number(char **words)
{
    return strtoull(*words, words, 0);
}

static void word(char **words, char *to, size_t size)
{
    size_t length = 0;
    while (**words == ' ') {
        ++*words;
    }
    for (; **words > ' '; ++*words) {
        if (length + 1 < size) {
            to[length++] = **words;
        }
    }
    to[length] = '\0';
}

static unsigned sizes(char *words, uint32_t *to)
{
    unsigned num = 0;
    while (*words == ' ' && num < MAX_SEGMENTS) {
        to[num++] = (uint32_t)number(&words);
    }
    return num;
}

/* A packet, or a receive buffer, in segments. */
static void add(struct guest *guest, unsigned index, char *words)
{
    struct vsock_header header = {0};
    char fault[16];
    uint32_t segments[MAX_SEGMENTS];
    bool kick = number(&words) != 0;
    uint32_t serial = (uint32_t)number(&words);
    if (index == TX) {
        header.src_cid = number(&words);
        header.dst_cid = number(&words);
        header.src_port = (uint32_t)number(&words);
        header.dst_port = (uint32_t)number(&words);
        header.len = (uint32_t)number(&words);
        header.type = (uint16_t)number(&words);
        header.op = (uint16_t)number(&words);
        header.flags = (uint32_t)number(&words);
        header.buf_alloc = (uint32_t)number(&words);
        header.fwd_cnt = (uint32_t)number(&words);
    }
    word(&words, fault, sizeof fault);
    unsigned num = sizes(words, segments);
    if (!guest->is_up || guest->is_broken || num > guest_room(guest, index)) {
        printf("skip\n");
        return;
    }
    guest_add(guest, index, index == TX ? &header : NULL, serial, fault, segments, num);
    if (kick) {
        guest_write(guest, R_QUEUE_NOTIFY, index);
    }
}

/* Notifications and unfinished work, until all is quiet. */
static void settle(void)
{
    for (unsigned round = 0; round < 100000; round++) {
        bool quiet = true;
        for (unsigned i = 0; i < world.num; i++) {
            struct guest *guest = world.guests[i];
            if (guest->more) {
                quiet = false;
                guest->more = vsock_device_run(&guest->device);
            }
            for (unsigned j = 0; j < world.num; j++) {
                if (j != i && guest->notified[peer_index(i, j)]) {
                    quiet = false;
                    guest->notified[peer_index(i, j)] = false;
                    struct guest *other = world.guests[j];
                    other->more = vsock_device_notified(&other->device, peer_index(j, i)) || other->more;
                }
            }
        }
        if (quiet) {
            return;
        }
    }
    check(false, "the devices do not come to rest");
}

static void act(const char *what, char *words)
{
    if (strcmp(what, "world") == 0) {
        unsigned num = (unsigned)number(&words);
        uint64_t ring_size = number(&words);
        uint32_t start = (uint32_t)number(&words);
        world_start(&world, num, ring_size, start, (uint32_t)number(&words));
        return;
    }
    if (strcmp(what, "settle") == 0) {
        settle();
        return;
    }
    struct guest *guest = world.guests[number(&words) % world.num];
    char kind[16];
    if (strcmp(what, "boot") == 0) {
        uint64_t features = number(&words);
        unsigned rx = (unsigned)number(&words);
        guest_boot(guest, features, rx, (unsigned)number(&words));
    } else if (strcmp(what, "tx") == 0 || strcmp(what, "rx") == 0) {
        add(guest, *what == 't' ? TX : RX, words);
    } else if (strcmp(what, "end") == 0) {
        word(&words, kind, sizeof kind);
        guest_end(guest, kind);
    } else if (strcmp(what, "notify") == 0) {
        unsigned peer = (unsigned)number(&words) % (world.num - 1);
        guest->more = vsock_device_notified(&guest->device, peer) || guest->more;
    } else if (strcmp(what, "kick") == 0) {
        guest_write(guest, R_QUEUE_NOTIFY, (uint32_t)number(&words));
    } else if (strcmp(what, "ack") == 0) {
        guest_write(guest, R_INTERRUPT_ACK, guest_read(guest, R_INTERRUPT_STATUS));
    } else if (strcmp(what, "flags") == 0 && guest->is_up) {
        unsigned index = (unsigned)number(&words) % 2;
        guest_set_flags(guest, index, (uint16_t)number(&words));
    } else if (strcmp(what, "break") == 0 && guest->is_up) {
        unsigned index = (unsigned)number(&words) % 2;
        word(&words, kind, sizeof kind);
        guest_break(guest, index, kind);
    }
}

int main(void)
{
    static char line[4096];
    static char out[1 << 16];
    setvbuf(stdout, out, _IOFBF, sizeof out);
    printf("limits %u %u %u\n", VSOCK_MAX_CONNECTIONS, VSOCK_MAX_REPLIES, VSOCK_BUDGET);
    fflush(stdout);
    while (fgets(line, sizeof line, stdin) != NULL) {
        char what[16], *words = line;
        word(&words, what, sizeof what);
        if (strcmp(what, "done") == 0) {
            printf("done\n");
            fflush(stdout);
            continue;
        }
        act(what, words);
        say_all();
        printf("=\n");
    }
    return 0;
}
