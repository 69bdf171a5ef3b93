/* SPDX-License-Identifier: BSD-2-Clause */
/* What the heartbeat and those who listen to it are told. vmbuild fills it in (meta/config/heartbeat.ts declares the same
 * fields). */
#pragma once

#include <stdint.h>

#define HEARTBEAT_CONFIG_MAGIC_LEN 5

/* meta/limits.ts: heartbeatLimits.listeners. A test compares the two. */
#define HEARTBEAT_MAX_LISTENERS 62

/* In section .heartbeat_config of the heartbeat's own program. */
struct heartbeat_config {
    /* "pulse" without a NUL, here and below. */
    char magic[HEARTBEAT_CONFIG_MAGIC_LEN];
    uint8_t num_listeners;
    /* Microkit channels to notify. */
    uint8_t listeners[HEARTBEAT_MAX_LISTENERS];
};

/* In section .heartbeat_listener_config of a listener's. */
struct heartbeat_listener_config {
    char magic[HEARTBEAT_CONFIG_MAGIC_LEN];
    /* The channel that notifies. */
    uint8_t channel;
    /* How often it does so in a tenth of a second. */
    uint8_t beats_per_pulse;
};
