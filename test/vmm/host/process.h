/* SPDX-License-Identifier: BSD-2-Clause */
/* The back end as a process: the program that VSOCK_BACKEND names. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#define SAID_SIZE 0x4000

struct process {
    pid_t id;
    int output;               /* its stdout and stderr; -1: closed */
    char said[SAID_SIZE + 1]; /* what came from there */
    unsigned size;
};

/* A file name in a folder of this test program's own. */
const char *temporary_path(const char *name);

/* Starts it with these words, a NULL last, and `output` as stdout and stderr, or a pipe to us if it is -1. What a test
 * left running before is killed. */
struct process *process_start(const char *const words[], int output);

/* Starts it with guests 3 and 4, and whatever else is in `extra`, and waits for its `ready`. Their sockets are
 * temporary_path("3") and ("4"); front ends of earlier tests are gone. */
struct process *process_start_two(const char *const extra[]);

/* Waits until it has said this. */
void process_expect(struct process *process, const char *text);

/* Waits for its end, and reads the rest of what it said: its exit code, or 128 and the number of the signal. */
int process_wait(struct process *process);

/* Sends a signal, and waits. */
int process_end(struct process *process, int signal);
