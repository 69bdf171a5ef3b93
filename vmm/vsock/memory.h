/* SPDX-License-Identifier: BSD-2-Clause */
/* The two functions of the C library that the device needs, for places without a <string.h>. */
#pragma once

#include <stddef.h>

void *memcpy(void *restrict to, const void *restrict from, size_t size);
void *memset(void *to, int byte, size_t size);
