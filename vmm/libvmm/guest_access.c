/* SPDX-License-Identifier: BSD-2-Clause */
/* Takes the syndrome of a data abort apart: no seL4 and no libvmm in here, so the host's tests can run it. */
#include "guest_access.h"

/* ESR_EL2: EC in bits 31..26, the rest is the ISS of a data abort. */
#define EXCEPTION_CLASS(syndrome) (((syndrome) >> 26) & 0x3f)
#define DATA_ABORT_LOWER_LEVEL 0x24
#define INSTRUCTION_VALID(syndrome) (((syndrome) >> 24) & 1)
#define ACCESS_SIZE(syndrome) (((syndrome) >> 22) & 3)
#define SIGN_EXTENDS(syndrome) (((syndrome) >> 21) & 1)
#define REGISTER_NUMBER(syndrome) (((syndrome) >> 16) & 0x1f)
#define SIXTY_FOUR_BIT(syndrome) (((syndrome) >> 15) & 1)
#define CACHE_MAINTENANCE(syndrome) (((syndrome) >> 8) & 1)
#define STAGE_1_WALK(syndrome) (((syndrome) >> 7) & 1)
#define WRITE_NOT_READ(syndrome) (((syndrome) >> 6) & 1)

static uint64_t low_bytes(uint64_t value, unsigned width_bytes);

const char *guest_access_decode(struct guest_access *access, uint64_t ip, uint64_t address, bool is_prefetch,
                                uint64_t syndrome)
{
    *access = (struct guest_access) {
        .address = address,
        .pc = ip,
        .syndrome = (uint32_t)syndrome,
        .width_bytes = (uint8_t)(1U << ACCESS_SIZE(syndrome)),
        .register_number = (uint8_t)REGISTER_NUMBER(syndrome),
        .is_write = WRITE_NOT_READ(syndrome),
        .sign_extends = SIGN_EXTENDS(syndrome),
        .is_64_bit = SIXTY_FOUR_BIT(syndrome),
    };
    if (is_prefetch) {
        return "an instruction was fetched from a device or from nowhere";
    }
    if (EXCEPTION_CLASS(syndrome) != DATA_ABORT_LOWER_LEVEL) {
        return "the fault is no data abort of the guest";
    }
    if (CACHE_MAINTENANCE(syndrome)) {
        return "cache maintenance on a device";
    }
    if (STAGE_1_WALK(syndrome)) {
        return "the guest's page tables lie outside its RAM";
    }
    if (!INSTRUCTION_VALID(syndrome)) {
        return "the syndrome does not describe the instruction (a pair, SIMD or writeback access to a device)";
    }
    if (address & (access->width_bytes - 1U)) {
        return "an unaligned access to a device";
    }
    return NULL;
}

uint64_t guest_access_loaded(const struct guest_access *access, uint64_t data)
{
    uint64_t value = low_bytes(data, access->width_bytes);
    if (access->sign_extends && access->width_bytes < 8) {
        uint64_t sign = 1ULL << (access->width_bytes * 8U - 1U);
        value = (value ^ sign) - sign;
    }
    /* A write of Wt clears the upper half of Xt. */
    return access->is_64_bit ? value : low_bytes(value, 4);
}

uint64_t guest_access_stored(const struct guest_access *access, uint64_t register_value)
{
    return low_bytes(register_value, access->width_bytes);
}

static uint64_t low_bytes(uint64_t value, unsigned width_bytes)
{
    return width_bytes >= 8 ? value : value & ((1ULL << (width_bytes * 8U)) - 1U);
}
