/* SPDX-License-Identifier: BSD-2-Clause */
/* Stands where the real one would: see fake.h. */
#pragma once
#include <fake.h>
