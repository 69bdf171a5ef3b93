/* SPDX-License-Identifier: BSD-2-Clause */
/* Runs the programs in the files that are named, without a fuzzer: for counting what they reach. */
#include <stdint.h>
#include <stdio.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int main(int argc, char **argv)
{
    static uint8_t program[1 << 16];
    for (int i = 1; i < argc; i++) {
        FILE *file = fopen(argv[i], "rb");
        if (file == NULL) {
            perror(argv[i]);
            return 1;
        }
        size_t size = fread(program, 1, sizeof program, file);
        fclose(file);
        LLVMFuzzerTestOneInput(program, size);
    }
    return 0;
}
