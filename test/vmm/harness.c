/* SPDX-License-Identifier: BSD-2-Clause */
/* Runs all tests, or those whose names contain the first argument: `ok name` lines, then `N passed, N failed`. */
#include "harness.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_TESTS 256

static struct {
    const char *name;
    test_function *function;
} tests[MAX_TESTS];
static unsigned num_tests;
static const char *current;
static jmp_buf failed;
static _Thread_local bool is_main_thread;

void test_register(const char *name, test_function *function)
{
    if (num_tests == MAX_TESTS) {
        abort();
    }
    tests[num_tests].name = name;
    tests[num_tests++].function = function;
}

_Noreturn void test_fail(const char *file, int line, const char *what, uint64_t have, uint64_t want)
{
    const char *base = strrchr(file, '/');
    printf("FAILED %s: %s:%d: %s: have %" PRIu64 " (0x%" PRIx64 "), want %" PRIu64 " (0x%" PRIx64 ")\n", current,
           base != NULL ? base + 1 : file, line, what, have, have, want, want);
    if (!is_main_thread) {
        abort(); /* nobody to go back to */
    }
    longjmp(failed, 1);
}

static int compare(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

int main(int argc, char **argv)
{
    unsigned num_passed = 0, num_failed = 0;
    is_main_thread = true;
    setvbuf(stdout, NULL, _IOLBF, 0);
    qsort(tests, num_tests, sizeof tests[0], compare);
    for (unsigned i = 0; i < num_tests; i++) {
        if (argc > 1 && strstr(tests[i].name, argv[1]) == NULL) {
            continue;
        }
        current = tests[i].name;
        if (setjmp(failed) == 0) {
            tests[i].function();
            printf("ok %s\n", current);
            num_passed++;
        } else {
            num_failed++;
        }
    }
    printf("%u passed, %u failed\n", num_passed, num_failed);
    return num_failed == 0 && num_passed > 0 ? 0 : 1;
}
