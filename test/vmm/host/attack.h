/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tests of what no QEMU does: the body of each is what the front end does, once it is realized. REFUSED: it is thrown
 * out with one line that has `why` in it. REFUSED_UP: the same once its guest is up and connected, and the peer gets
 * RST. HARMLESS: nothing comes of it, and its guest can start. Whatever it is, it leaves no descriptor behind, and does
 * no harm to the other guest or to whoever connects next.
 */
#pragma once

#include "../harness.h"
#include "back_end.h"
#include "front_end.h"

void check_refused(void (*attack)(struct front_end *), const char *why);
void check_refused_up(void (*attack)(struct front_end *), const char *why);
void check_harmless(void (*attack)(struct front_end *));

#define REFUSED(name, why)                                                                                             \
    static void name##_attack(struct front_end *front_end);                                                            \
    TEST(name)                                                                                               \
    {                                                                                                                  \
        check_refused(name##_attack, "CID 3: connection ended: " why);                                                 \
    }                                                                                                                  \
    static void name##_attack(struct front_end *front_end)

#define REFUSED_UP(name, why)                                                                                          \
    static void name##_attack(struct front_end *front_end);                                                            \
    TEST(name)                                                                                               \
    {                                                                                                                  \
        check_refused_up(name##_attack, "CID 3: connection ended: " why);                                              \
    }                                                                                                                  \
    static void name##_attack(struct front_end *front_end)

#define HARMLESS(name)                                                                                                 \
    static void name##_attack(struct front_end *front_end);                                                            \
    TEST(name)                                                                                               \
    {                                                                                                                  \
        check_harmless(name##_attack);                                                                                 \
    }                                                                                                                  \
    static void name##_attack(struct front_end *front_end)
