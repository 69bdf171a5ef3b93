/* SPDX-License-Identifier: BSD-2-Clause */
/* libvmm prints through sDDF; here it goes to a buffer. */
#pragma once
int sddf_printf(const char *format, ...) __attribute__((format(printf, 1, 2)));
#define sddf_dprintf(...)
