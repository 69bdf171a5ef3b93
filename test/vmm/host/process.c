/* SPDX-License-Identifier: BSD-2-Clause */
#include "process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../harness.h"
#include "front_end.h"

#define WORDS_MAX 48
#define PATHS_MAX 8

extern char **environ;

static struct process last = {.output = -1};
static char folder[] = "/tmp/vmbuild-host-XXXXXX";
static char paths[PATHS_MAX][80];

static void clean_up(void)
{
    if (last.id > 0) {
        kill(last.id, SIGKILL);
    }
    for (unsigned i = 0; i < PATHS_MAX; i++) {
        unlink(paths[i]);
    }
    rmdir(folder);
}

const char *temporary_path(const char *name)
{
    if (paths[0][0] == '\0') {
        CHECK(mkdtemp(folder) != NULL);
        atexit(clean_up);
    }
    char path[sizeof paths[0]];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    unsigned i = 0;
    while (paths[i][0] != '\0' && strcmp(paths[i], path) != 0) {
        i++;
        CHECK(i < PATHS_MAX);
    }
    return strcpy(paths[i], path);
}

static void reap_last(void)
{
    if (last.id > 0) {
        kill(last.id, SIGKILL);
        waitpid(last.id, NULL, 0);
    }
    if (last.output >= 0) {
        close(last.output);
    }
    last = (struct process){.output = -1};
}

struct process *process_start(const char *const words[], int output)
{
    const char *program = getenv("VSOCK_BACKEND");
    char *all[WORDS_MAX] = {(char *)program};
    int ends[2] = {-1, output};
    posix_spawn_file_actions_t actions;
    CHECK(program != NULL);
    reap_last();
    for (unsigned i = 0; words[i] != NULL; i++) {
        CHECK(i + 2 < WORDS_MAX);
        all[i + 1] = (char *)words[i];
    }
    CHECK(output >= 0 || pipe2(ends, O_CLOEXEC) == 0);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDERR_FILENO);
    CHECK(posix_spawn(&last.id, program, &actions, NULL, all, environ) == 0);
    posix_spawn_file_actions_destroy(&actions);
    last.output = ends[0];
    if (output < 0) {
        close(ends[1]);
    }
    return &last;
}

struct process *process_start_two(const char *const extra[])
{
    char guests[2][96];
    const char *words[WORDS_MAX] = {"--guest", guests[0], "--guest", guests[1]};
    front_end_free_all();
    unlink(temporary_path("3"));
    unlink(temporary_path("4"));
    snprintf(guests[0], sizeof guests[0], "3=%s", temporary_path("3"));
    snprintf(guests[1], sizeof guests[1], "4=%s", temporary_path("4"));
    for (unsigned i = 0; extra != NULL && extra[i] != NULL; i++) {
        words[4 + i] = extra[i];
    }
    struct process *process = process_start(words, -1);
    process_expect(process, "ready\n");
    return process;
}

/* Takes what comes. False at the end of it; a standstill is a failure. */
static bool read_on(struct process *process)
{
    int result;
    do {
        result = poll(&(struct pollfd){.fd = process->output, .events = POLLIN}, 1, STANDSTILL_MS);
    } while (result < 0 && errno == EINTR);
    if (result != 1) {
        printf("  it said: %s\n", process->said);
    }
    CHECK_EQUAL(result, 1);
    CHECK(process->size < SAID_SIZE);
    ssize_t got = read(process->output, process->said + process->size, SAID_SIZE - process->size);
    process->size += got > 0 ? (unsigned)got : 0;
    return got > 0;
}

void process_expect(struct process *process, const char *text)
{
    while (strstr(process->said, text) == NULL) {
        if (!read_on(process)) {
            printf("  it ended, and said: %s\n  not: %s\n", process->said, text);
            CHECK(false);
        }
    }
}

int process_wait(struct process *process)
{
    int status;
    pid_t id = 0;
    while (process->output >= 0 && read_on(process)) {
    }
    for (unsigned waited_ms = 0; id == 0 && waited_ms < STANDSTILL_MS; waited_ms += 5) {
        id = waitpid(process->id, &status, WNOHANG);
        if (id == 0) {
            nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
        }
    }
    CHECK_EQUAL(id, process->id);
    process->id = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int process_end(struct process *process, int signal)
{
    CHECK(kill(process->id, signal) == 0);
    return process_wait(process);
}
