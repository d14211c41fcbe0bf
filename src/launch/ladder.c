/* launch/ladder.c: putting a rung's values where the config has, or could have, its own. */
#include "launch/ladder.h"

#include "launch/fields.h"

/* The objects a block is made of, whose members may be fields of the job. */
static bool is_place(struct str key)
{
    if (str_is(key, "spec") || str_is(key, "run"))
        return true;
    for (size_t i = 0; i < place_group_count; i++)
        if (name_is(key, place_groups[i].name))
            return true;
    return false;
}

static bool is_target(struct str key, enum target t)
{
    for (size_t i = 0; i < place_row_count; i++)
        if (place_rows[i].target == t && name_is(key, place_rows[i].field.name))
            return true;
    return false;
}

static bool has_target(const struct jval *v, enum target t)
{
    for (size_t i = 0; jval_is(v, JVAL_OBJECT) && i < jval_len(v); i++) {
        const struct jval *member = jval_at(v, i);

        if (is_target(jval_key_at(v, i), t) && !jval_is(member, JVAL_NULL))
            return true;
        if (is_place(jval_key_at(v, i)) && has_target(member, t))
            return true;
    }
    return false;
}

bool ladder_names_region(const struct jval *block)
{
    return has_target(block, TARGET_LOCATION);
}

/* A copy of the places in @v, in which what @change says of target @t has replaced every member for it. */
struct change {
    struct arena *a;
    enum target t;
    const struct jval *(*change)(struct arena *a, const struct jval *old, const struct launch_rung *rung);
    const struct launch_rung *rung;
};

static const struct jval *changed(const struct change *c, const struct jval *v)
{
    struct jval *out;

    if (!jval_is(v, JVAL_OBJECT))
        return v;
    out = jval_new_object(c->a);
    jval_set_pos(out, jval_pos(v));
    for (size_t i = 0; i < jval_len(v); i++) {
        struct str key = jval_key_at(v, i);
        const struct jval *member = jval_at(v, i);

        if (is_target(key, c->t))
            member = c->change(c->a, member, c->rung);
        else if (is_place(key))
            member = changed(c, member);
        if (member)
            jval_set_str(c->a, out, key, member);
    }
    return out;
}

static const struct jval *dropped(struct arena *a, const struct jval *old, const struct launch_rung *rung)
{
    (void)a;
    (void)old;
    (void)rung;
    return NULL;
}

/* One value for @t, in spec, and none elsewhere. A spec that is none stays, for who reads it to say so. */
static const struct jval *with_text(struct arena *a, const struct jval *block, enum target t,
                                    const char *name, struct str value)
{
    const struct change drop = { .a = a, .t = t, .change = dropped };
    const struct jval *old = jval_get(block, "spec");
    struct jval *out, *spec;

    if (!value.len || !(jval_is(old, JVAL_NULL) || jval_is(old, JVAL_OBJECT)))
        return block;
    out = jval_copy(a, changed(&drop, block));
    spec = jval_is(old, JVAL_OBJECT) ? jval_copy(a, jval_get(out, "spec")) : jval_new_object(a);
    jval_set(a, spec, name, jval_new_str(a, value));
    jval_set(a, out, "spec", spec);
    return out;
}

/* --- machines ------------------------------------------------------------------------------------------- */

static const struct jval *machine_of(const struct jval *pool, struct str *ret_key)
{
    for (size_t i = 0; jval_is(pool, JVAL_OBJECT) && i < jval_len(pool); i++) {
        *ret_key = jval_key_at(pool, i);
        if (name_is(*ret_key, "machine_spec"))
            return jval_at(pool, i);
    }
    *ret_key = STR("machine_spec");
    return NULL;
}

/* What @old says of other things (reservations, partitions of a GPU) goes with the machine it was for. */
static const struct jval *with_machine(struct arena *a, const struct jval *pool, struct str key,
                                       const struct launch_rung *rung)
{
    struct jval *out = jval_copy(a, pool);

    jval_set_str(a, out, key, rung->machine);
    return out;
}

static const struct jval *pools_on(struct arena *a, const struct jval *pools, const struct launch_rung *rung)
{
    struct str key = { NULL, 0 };
    const struct jval *first = machine_of(jval_at(pools, 0), &key);
    struct jval *out;

    if (!jval_is(pools, JVAL_ARRAY))
        return pools;
    out = jval_new_array(a);
    jval_set_pos(out, jval_pos(pools));
    for (size_t i = 0; i < jval_len(pools); i++) {
        const struct jval *pool = jval_at(pools, i), *machine = machine_of(pool, &key);
        bool same = jval_is(pool, JVAL_OBJECT) && jval_len(pool) &&
                    (i == 0 || (machine && first && jval_equal(machine, first)));

        jval_push(a, out, same ? with_machine(a, pool, key, rung) : pool);
    }
    return out;
}

const struct jval *ladder_apply(struct arena *a, const struct jval *block, const struct launch_rung *rung)
{
    const struct change machines = { .a = a, .t = TARGET_POOLS, .change = pools_on, .rung = rung };
    bool own_region = rung->region_is_default && ladder_names_region(block);

    if (!jval_is(block, JVAL_OBJECT))
        return block;
    if (!own_region) {
        block = with_text(a, block, TARGET_LOCATION, "location", rung->region);
        block = with_text(a, block, TARGET_STAGING_BUCKET, "staging_bucket", rung->staging_bucket);
    }
    block = with_text(a, block, TARGET_STRATEGY, "scheduling_strategy", rung->strategy);
    return rung->machine ? changed(&machines, block) : block;
}
