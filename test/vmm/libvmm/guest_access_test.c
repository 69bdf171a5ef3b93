/* SPDX-License-Identifier: BSD-2-Clause */
/* Syndromes of data aborts, taken apart. */
#include "../harness.h"
#include "guest_access.h"
#include "syndrome.h"

#define ADDRESS 0x140000

static struct guest_access decoded(uint64_t syndrome)
{
    struct guest_access access;
    CHECK(guest_access_decode(&access, 0x1000, ADDRESS, false, syndrome) == NULL);
    return access;
}

static bool is_refused(uint64_t address, bool is_prefetch, uint64_t syndrome)
{
    struct guest_access access;
    return guest_access_decode(&access, 0x1000, address, is_prefetch, syndrome) != NULL;
}

TEST(access_says_width_register_and_direction)
{
    struct guest_access access = decoded(data_abort(.width_log2 = 1, .rt = 17, .is_write = true));
    CHECK_EQUAL(access.width_bytes, 2);
    CHECK_EQUAL(access.register_number, 17);
    CHECK(access.is_write);
    access = decoded(data_abort(.width_log2 = 3, .rt = 31));
    CHECK_EQUAL(access.width_bytes, 8);
    CHECK_EQUAL(access.register_number, 31);
    CHECK(!access.is_write);
}

TEST(access_without_valid_syndrome_is_refused)
{
    CHECK(is_refused(ADDRESS, false, data_abort(.width_log2 = 2) & ~SYNDROME_VALID));
}

TEST(access_that_is_no_data_abort_is_refused)
{
    CHECK(is_refused(ADDRESS, true, data_abort(.width_log2 = 2)));
    CHECK(is_refused(ADDRESS, false, (data_abort(.width_log2 = 2) & ~(0x3fUL << 26)) | 0x20UL << 26));
    CHECK(is_refused(ADDRESS, false, data_abort(.width_log2 = 2) | SYNDROME_CACHE_MAINTENANCE));
    CHECK(is_refused(ADDRESS, false, data_abort(.width_log2 = 2) | SYNDROME_STAGE_1_WALK));
}

TEST(access_that_is_unaligned_is_refused)
{
    for (unsigned log2 = 0; log2 < 4; log2++) {
        for (unsigned offset = 0; offset < 8; offset++) {
            bool refused = is_refused(ADDRESS + offset, false, data_abort(.width_log2 = log2));
            CHECK_EQUAL(refused, offset % (1U << log2) != 0);
        }
    }
}

TEST(access_loads_extend_as_the_instruction_says)
{
    struct guest_access byte = decoded(data_abort(.width_log2 = 0));
    struct guest_access signed_byte = decoded(data_abort(.width_log2 = 0, .sign_extends = true));
    struct guest_access signed_byte_64 = decoded(data_abort(.width_log2 = 0, .sign_extends = true, .is_64_bit = true));
    struct guest_access word = decoded(data_abort(.width_log2 = 2));
    struct guest_access signed_word = decoded(data_abort(.width_log2 = 2, .sign_extends = true, .is_64_bit = true));
    struct guest_access doubleword = decoded(data_abort(.width_log2 = 3, .is_64_bit = true));
    uint64_t data = 0x8765432180706080;
    CHECK_EQUAL(guest_access_loaded(&byte, data), 0x80);
    CHECK_EQUAL(guest_access_loaded(&signed_byte, data), 0xffffff80);
    CHECK_EQUAL(guest_access_loaded(&signed_byte_64, data), 0xffffffffffffff80);
    CHECK_EQUAL(guest_access_loaded(&word, data), 0x80706080);
    CHECK_EQUAL(guest_access_loaded(&signed_word, data), 0xffffffff80706080);
    CHECK_EQUAL(guest_access_loaded(&doubleword, data), data);
}

TEST(access_stores_cut_the_register)
{
    uint64_t value = 0x1122334455667788;
    uint64_t wanted[] = { 0x88, 0x7788, 0x55667788, value };
    for (unsigned log2 = 0; log2 < 4; log2++) {
        struct guest_access access = decoded(data_abort(.width_log2 = log2, .is_write = true));
        CHECK_EQUAL(guest_access_stored(&access, value), wanted[log2]);
    }
}
