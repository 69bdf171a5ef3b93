/* SPDX-License-Identifier: BSD-2-Clause */
/* Runs each finding in a process of its own and says whether it ended as the finding says: `proved N of N`. */
#include "world.h"
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define EXIT_SHOWN 42
#define EXIT_NOT_SHOWN 43

static enum outcome outcome_of(const struct finding *finding)
{
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        alarm(10);
        if (freopen("/dev/null", "w", stderr) == NULL) {
            _exit(EXIT_NOT_SHOWN);
        }
        world_begin();
        _exit(finding->run() ? EXIT_SHOWN : EXIT_NOT_SHOWN);
    }
    int status = 0;
    waitpid(child, &status, 0);
    if (WIFSIGNALED(status)) {
        int signal = WTERMSIG(status);
        return signal == SIGILL || signal == SIGTRAP ? ASSERTION : signal == SIGALRM ? NOT_SHOWN : MEMORY;
    }
    int code = WEXITSTATUS(status);
    return code == EXIT_SHOWN ? SHOWN : code == EXIT_NOT_SHOWN ? NOT_SHOWN : MEMORY;
}

int main(void)
{
    static const char *const names[] = { "nothing", "assertion", "memory", "shown" };
    unsigned proved = 0;
    for (unsigned i = 0; i < num_findings; i++) {
        const struct finding *finding = &findings[i];
#if defined(CONFIG_DEBUG_BUILD)
        enum outcome wanted = finding->debug;
#else
        enum outcome wanted = finding->release;
#endif
        enum outcome outcome = outcome_of(finding);
        proved += outcome == wanted;
        fprintf(stdout, "%s %s: %s\n", outcome == wanted ? "proved" : "WRONG", finding->name, names[outcome]);
    }
    fprintf(stdout, "proved %u of %u\n", proved, num_findings);
    return proved == num_findings ? 0 : 1;
}
