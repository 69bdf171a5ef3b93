/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A capture of all packets for Wireshark and tcpdump: pcap with nanoseconds, link type VSOCK, each packet with the
 * header that Linux' vsockmon puts before it. Sources: pcap-savefile(5), Linux include/uapi/linux/vsockmon.h.
 */
#pragma once

#include <stdbool.h>

#include "vsock.h"

/* Starts the one capture of this process. NULL, or why the file cannot be written. */
const char *capture_open(const char *path);

/* struct vsock_ops.observe: adds a packet, if a capture was started. Any thread may call it. */
void capture_packet(void *cookie, const struct vsock_header *header, const struct vsock_bytes payload[2]);
