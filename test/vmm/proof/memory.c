/* SPDX-License-Identifier: BSD-2-Clause */
/* Memory as proofs see it. */
void *proof_memory(size_t size)
{
    size_t before = nondet_size();
    ASSUME(before < 16);
    uint8_t *memory = malloc(before + size);
    ASSUME(memory != NULL);
    return memory + before;
}

void *proof_copy(void *restrict to, const void *restrict from, size_t size)
{
    PROVE(__CPROVER_r_ok(from, size), "a copy reads what is there");
    PROVE(__CPROVER_w_ok(to, size), "a copy writes where there is room");
    if (size > 0 && !__CPROVER_DYNAMIC_OBJECT(to)) {
        __CPROVER_havoc_slice(to, size);
    }
    return to;
}
