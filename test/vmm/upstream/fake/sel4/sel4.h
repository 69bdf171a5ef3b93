/* SPDX-License-Identifier: BSD-2-Clause */
/* All that is needed stands in microkit.h. */
#pragma once
#include <microkit.h>
