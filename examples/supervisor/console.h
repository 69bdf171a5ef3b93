/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
#include <sddf/util/printf.h>

/* From now on sddf_printf prints over the serial port. */
void console_init(void);
