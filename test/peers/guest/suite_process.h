// SPDX-License-Identifier: BSD-2-Clause
// One end of Linux's vsock_test as a process, and what its lines say: `5 - SOCK_STREAM MSG_PEEK...ok`. The suite ends with
// its first test that fails; what it says then stands behind the test's name, or follows it.
#pragma once

#include "relay.h"

enum {
    TESTS_MAX = 64, /* bits of a mask */
    SIDES_MAX = 2,
};

struct side {
    const char *way; /* for people */
    const char *name; /* "server", "client" */
    long pid;
    int output; /* what it prints; -1: it has ended */
    int status; /* as wait(2) has it, once it has ended */
    int reached; /* its last test that began; -1: none */
    int is_listening; /* a server: its control port is open */
    uint64_t passed;
    uint64_t skipped;
    size_t held; /* bytes of a line whose end has not come */
    char text[512];
};

static inline uint64_t test_bit(int test)
{
    return test < 0 || test >= TESTS_MAX ? 0 : UINT64_C(1) << test;
}

static inline const char *find_text(const char *text, const char *wanted)
{
    for (; *text != '\0'; text += 1) {
        size_t i = 0;
        while (wanted[i] != '\0' && text[i] == wanted[i])
            i += 1;
        if (wanted[i] == '\0')
            return text;
    }
    return NULL;
}

static inline int ends_with_ok(const char *text, size_t length)
{
    return length >= 2 && text[length - 2] == 'o' && text[length - 1] == 'k';
}

static inline void note_line(struct side *side)
{
    char *text = side->text;
    text[side->held] = '\0';
    int number = 0;
    size_t digits = 0;
    for (; digits < 3 && text[digits] >= '0' && text[digits] <= '9'; digits += 1)
        number = number * 10 + (text[digits] - '0');
    int is_listed = text[digits] == '\t';
    if (digits > 0 && (is_listed || find_text(text + digits, " - ") == text + digits))
        side->reached = number;
    if (find_text(text, "skipped") != NULL)
        side->skipped |= test_bit(side->reached);
    else if (ends_with_ok(text, side->held))
        side->passed |= test_bit(side->reached);
    if (find_text(text, "listening on") != NULL)
        side->is_listening = 1;

    struct line line = begin_line("vsock suite: ", side->way);
    add_text(&line, " ");
    add_text(&line, side->name);
    add_text(&line, "| ");
    add_text(&line, text);
    write_line(&line, STDOUT);
    side->held = 0;
}

/* What has come. At its end the process is buried. */
static inline void read_side(struct side *side)
{
    char bytes[256];
    long got = read_file(side->output, bytes, sizeof(bytes));
    for (long i = 0; i < got; i += 1) {
        if (bytes[i] != '\n' && side->held < sizeof(side->text) - 1) {
            side->text[side->held] = bytes[i];
            side->held += 1;
        } else if (bytes[i] == '\n') {
            note_line(side);
        }
    }
    if (got > 0 || got == -EINTR || got == -EAGAIN)
        return;
    if (side->held > 0)
        note_line(side);
    close_file(side->output);
    side->output = -1;
    side->status = bury(side->pid);
}

static inline void kill_side(struct side *side)
{
    if (side->output < 0)
        return;
    (void)system_call(SYS_kill, side->pid, SIGKILL, 0, 0, 0);
    while (side->output >= 0)
        read_side(side);
}

struct arguments {
    size_t count;
    char *words[16 + 2 * TESTS_MAX];
    size_t used;
    char numbers[16 * TESTS_MAX];
};

static inline void add_word(struct arguments *arguments, const char *word)
{
    arguments->words[arguments->count] = (char *)word;
    arguments->count += 1;
    arguments->words[arguments->count] = NULL;
}

static inline void add_option(struct arguments *arguments, const char *option, uint64_t value)
{
    struct line line;
    line.length = 0;
    add_number(&line, value);
    char *text = arguments->numbers + arguments->used;
    for (size_t i = 0; i < line.length; i += 1)
        text[i] = line.text[i];
    text[line.length] = '\0';
    arguments->used += line.length + 1;
    add_word(arguments, option);
    add_word(arguments, text);
}

/* Its pid; all it says comes through side->output. */
static inline long start_suite(struct side *side, struct arguments *arguments)
{
    int ends[2];
    long error = system_call(SYS_pipe2, (long)ends, O_CLOEXEC, 0, 0, 0);
    if (error < 0)
        return error;
    long pid = fork_process();
    if (pid == 0) {
        char *environment[] = { NULL };
        (void)system_call(SYS_dup3, ends[1], STDOUT, 0, 0, 0);
        (void)system_call(SYS_dup3, ends[1], STDERR, 0, 0, 0);
        (void)system_call(SYS_execve, (long)arguments->words[0], (long)arguments->words, (long)environment, 0, 0);
        end_process(127);
    }
    close_file(ends[1]);
    side->pid = pid;
    side->output = ends[0];
    side->reached = -1;
    side->held = 0;
    if (pid < 0) {
        close_file(ends[0]);
        side->output = -1;
        side->status = 0xff00;
    }
    return pid;
}

/* Until all have ended, or one is silent for too long: then all are ended. */
static inline void attend(struct side *sides, int count, int64_t silence_ms)
{
    for (int open = 1; open;) {
        struct pollfd polls[SIDES_MAX];
        open = 0;
        for (int i = 0; i < count; i += 1) {
            polls[i] = (struct pollfd){ sides[i].output, POLLIN, 0 };
            open |= sides[i].output >= 0;
        }
        if (!open)
            return;
        struct timespec limit = { silence_ms / 1000, silence_ms % 1000 * 1000000 };
        long ready = system_call(SYS_ppoll, (long)polls, count, (long)&limit, 0, 8);
        for (int i = 0; i < count && ready > 0; i += 1) {
            if (polls[i].fd >= 0 && polls[i].revents != 0)
                read_side(&sides[i]);
        }
        for (int i = 0; i < count && ready == 0; i += 1)
            kill_side(&sides[i]);
    }
}
