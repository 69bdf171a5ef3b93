/* SPDX-License-Identifier: BSD-2-Clause */
/* The back end in this process: its guests on their threads, behind sockets in a folder of their own. Its lines are kept
 * here instead of going to stdout. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "../../../vmm/vsock/vsock.h"

/* Guests with CIDs 3, 4, ...; in place of those of the last test. */
void back_end_start(unsigned num);

/* Ends all threads, and takes the last lines. */
void back_end_stop(void);

/* The socket of a guest, by its place in the row. */
const char *back_end_path(unsigned guest);

/* Waits for a line with this text since back_end_start(). */
void back_end_expect(const char *text);

/* How many lines with this text there were. */
unsigned back_end_said(const char *text);

/* Only after back_end_stop(). */
uint64_t back_end_counter(unsigned guest, enum vsock_counter counter);

/* The lines that the program ends with. */
void back_end_report(void);

/* Nothing that wakes a guest's thread is left unread. */
bool back_end_is_asleep(unsigned guest);

/* Processor time that a guest's thread has used, in ms. */
uint64_t back_end_busy_ms(unsigned guest);

/* How often a guest's thread has looked for work; while it is asleep. */
uint64_t back_end_polls(unsigned guest);

/* Descriptors of this process. */
unsigned count_fds(void);
