/* SPDX-License-Identifier: BSD-2-Clause */
/* How long something may take that does not take long. The mutants are given less. */
#pragma once

#ifndef STANDSTILL_MS
#define STANDSTILL_MS 10000
#endif
