/* SPDX-License-Identifier: BSD-2-Clause */
/* What must still work after a hostile program, while its traces are in every ring. */
#pragma once

#include "driver.h"

extern struct driver drivers[NUM_DEVICES];

/* What honest guests send. */
extern uint8_t pattern[BUFFER_SIZE];

/* The next packet of an honest guest, whose bytes are looked at. False if there is none. */
bool receive_honest(unsigned index, struct vsock_header *header);

/* The honest guests talk to each other; the hostile one's device starts again, and talks to an honest one. */
void check_aftermath(void);
