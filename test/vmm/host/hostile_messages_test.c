/* SPDX-License-Identifier: BSD-2-Clause */
/* Messages that no QEMU sends. */
#include <sys/socket.h>
#include <unistd.h>

#include "attack.h"

/* --- heads and payloads --- */

REFUSED(hostile_unknown_request, "the front end asks for something that was not offered")
{
    send_value(front_end, 99, 0);
}

REFUSED(hostile_request_zero, "the front end asks for something that was not offered")
{
    send_value(front_end, 0, 0);
}

REFUSED(hostile_request_not_offered, "the front end asks for something that was not offered")
{
    send_value(front_end, M_SET_LOG_BASE, 0);
}

REFUSED(hostile_version_0, "the front end speaks another protocol")
{
    message_send(front_end->socket, M_GET_FEATURES, 0, NULL, 0, NULL, 0);
}

REFUSED(hostile_version_2, "the front end speaks another protocol")
{
    message_send(front_end->socket, M_GET_FEATURES, 2, NULL, 0, NULL, 0);
}

REFUSED(hostile_payload_too_long, "the front end speaks another protocol than vhost-user version 1, or sent too long a message")
{
    uint8_t payload[512] = {0};
    message_send(front_end->socket, M_SET_FEATURES, M_VERSION, payload, sizeof payload, NULL, 0);
}

REFUSED(hostile_payload_of_4_gib, "the front end speaks another protocol than vhost-user version 1, or sent too long a message")
{
    bytes_send(front_end->socket, &(uint32_t[]){M_SET_FEATURES, M_VERSION, UINT32_MAX}, M_HEAD_SIZE, NULL, 0);
}

REFUSED(hostile_not_the_protocol, "the front end speaks another protocol")
{
    bytes_send(front_end->socket, "GET / HTTP/1.1\r\n\r\n", 18, NULL, 0);
}

REFUSED(hostile_half_a_head, "the front end sent half a message head")
{
    bytes_send(front_end->socket, &(uint32_t[]){M_GET_FEATURES, M_VERSION}, 8, NULL, 0);
    shutdown(front_end->socket, SHUT_WR);
}

REFUSED(hostile_half_a_head_with_descriptors, "the front end sent half a message head")
{
    bytes_send(front_end->socket, &(uint32_t[]){M_SET_VRING_KICK, M_VERSION}, 8, front_end->kicks, 2);
    shutdown(front_end->socket, SHUT_WR);
}

REFUSED(hostile_half_a_payload, "the front end broke off in the middle of a message")
{
    bytes_send(front_end->socket, &(uint32_t[]){M_SET_FEATURES, M_VERSION, 8, 0}, M_HEAD_SIZE + 4, NULL, 0);
    shutdown(front_end->socket, SHUT_WR);
}

REFUSED(hostile_half_a_payload_with_descriptors, "the front end broke off in the middle of a message")
{
    bytes_send(front_end->socket, &(uint32_t[]){M_SET_VRING_KICK, M_VERSION, 8, 0}, M_HEAD_SIZE + 4, front_end->kicks,
               2);
    shutdown(front_end->socket, SHUT_WR);
}

/* Every request with a payload, one byte short of it. */
TEST(hostile_payload_too_short)
{
    static const struct {
        uint32_t request, size;
    } requests[] = {
        {M_SET_FEATURES, 8},    {M_SET_PROTOCOL_FEATURES, 8}, {M_SET_VRING_KICK, 8},   {M_SET_VRING_CALL, 8},
        {M_SET_VRING_ERR, 8},   {M_SET_VRING_NUM, 8},         {M_SET_VRING_BASE, 8},   {M_GET_VRING_BASE, 8},
        {M_SET_VRING_ADDR, 40}, {M_SET_MEM_TABLE, 8},         {M_SET_VRING_ENABLE, 8}, {M_GET_CONFIG, 12},
    };
    for (unsigned i = 0; i < sizeof requests / sizeof requests[0]; i++) {
        for (uint32_t size = 0; size < requests[i].size; size += requests[i].size - 1) {
            const uint8_t payload[64] = {0};
            front_end_free_all();
            back_end_start(1);
            struct front_end *front_end = front_end_new(back_end_path(0), 3);
            message_send(front_end->socket, requests[i].request, M_VERSION, payload, size, NULL, 0);
            back_end_expect("connection ended: a message is too short for its request");
            front_end_expect_end(front_end);
        }
    }
}

/* A message in three parts is none the worse for it. */
HARMLESS(hostile_message_in_parts)
{
    const uint32_t message[] = {M_SET_FEATURES, M_VERSION, 8, (uint32_t)F_LINUX, 1};
    const uint8_t *bytes = (const uint8_t *)message;
    bytes_send(front_end->socket, bytes, 5, NULL, 0);
    usleep(1000);
    bytes_send(front_end->socket, bytes + 5, 10, NULL, 0);
    usleep(1000);
    bytes_send(front_end->socket, bytes + 15, 5, NULL, 0);
    front_end_sync(front_end);
}

HARMLESS(hostile_payload_where_none_belongs)
{
    uint8_t payload[64] = {0};
    message_send(front_end->socket, M_SET_OWNER, M_VERSION, payload, sizeof payload, NULL, 0);
    message_send(front_end->socket, M_RESET_OWNER, M_VERSION, payload, sizeof payload, NULL, 0);
    message_send(front_end->socket, M_SET_CONFIG, M_VERSION, payload, sizeof payload, NULL, 0);
    front_end_sync(front_end);
}

/* --- configuration space --- */

static void ask_config(struct front_end *front_end, uint32_t offset, uint32_t size)
{
    message_send(front_end->socket, M_GET_CONFIG, M_VERSION, &(uint32_t[]){offset, size, 0}, 12, NULL, 0);
}

REFUSED(hostile_config_too_large, "the front end asks for more configuration space than there can be")
{
    ask_config(front_end, 0, 257);
}

REFUSED(hostile_config_huge, "the front end asks for more configuration space than there can be")
{
    ask_config(front_end, 0, UINT32_MAX);
}

REFUSED(hostile_config_far, "the front end asks for more configuration space than there can be")
{
    ask_config(front_end, UINT32_MAX - 3, 8);
}

HARMLESS(hostile_config_beyond_the_cid)
{
    uint8_t reply[12 + 256];
    for (uint32_t offset = 0; offset <= 256; offset += 4) {
        ask_config(front_end, offset, 256);
        CHECK_EQUAL(message_receive(front_end, M_GET_CONFIG, reply, sizeof reply), 12 + 256);
        CHECK_EQUAL(reply[12], offset == 0 ? 3 : 0);
        for (unsigned i = 13; i < sizeof reply; i++) {
            CHECK_EQUAL(reply[i], 0);
        }
    }
    ask_config(front_end, 2, 0);
    CHECK_EQUAL(message_receive(front_end, M_GET_CONFIG, reply, sizeof reply), 12);
}
