/*
 * server/search/dice.h: random numbers that depend on a seed and a position alone, so that a search can be
 * told again. Not for secrets.
 */
#pragma once

#include <stdint.h>

struct dice {
    uint64_t state;
};

/** dice_bits() - the next 64 bits: a Weyl sequence whose terms are mixed by two multiplications. */
static inline uint64_t dice_bits(struct dice *d)
{
    uint64_t x = d->state += UINT64_C(0x9e3779b97f4a7c15);

    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

/** dice_unit() - a number between 0 and 1, never one of them. */
static inline double dice_unit(struct dice *d)
{
    return ((double)(dice_bits(d) >> 11) + 0.5) / 9007199254740992.0; /* 2^53 */
}

static inline struct dice dice_of(uint64_t seed, uint64_t position)
{
    struct dice d = { seed };

    d.state = dice_bits(&d) + position * UINT64_C(0xd1342543de82ef95);
    return (struct dice){ dice_bits(&d) };
}
