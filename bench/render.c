/*
 * bench/render.c: how long src/launch takes from the text of a queue config to the text of a request, on one
 * thread. Prints one line a figure: NAME MICROSECONDS. Not installed; `./dev bench` runs it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "launch/render.h"

enum { MAX_FILE = 1 << 20, BIG_CONFIG_BYTES = 1000 * 1000, WARM_UP = 50, MAX_RUNS = 100000 };

static double now_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static const char spec_text[] =
    "{\"entity\":\"my-team\",\"project\":\"detector\",\"docker\":{\"docker_image\":"
    "\"us-central1-docker.pkg.dev/p/r/train@sha256:0123\"},\"name\":\"brisk-otter-12\",\"author\":\"ann\","
    "\"resource\":\"vertex\",\"git\":{},\"overrides\":{\"args\":[\"--lr\",\"0.1\"],\"run_config\":{\"lr\":0."
    "1,"
    "\"layers\":[64,64,32],\"optimizer\":{\"name\":\"adam\",\"betas\":[0.9,0.999]}}}}";

/* Whole way of one launch; the request's length, so that nothing can be left out. */
static size_t render(struct str config)
{
    AUTO_PTR(arena) a = arena_new();
    struct problems p = { .a = a, .file = "config.yaml" };
    struct launch_spec spec = { 0 };
    struct rendered out = { 0 };
    struct jval *tree = NULL, *given = NULL, *args = jval_new_object(a);
    struct err e = { 0 };
    struct render_input in = { .spec = &spec,
                               .base_url = STR("https://api.wandb.ai"),
                               .run_id = STR("ab12cd34"),
                               .run_name = STR("brisk-otter-12"),
                               .queue_name = STR("vertex-gpu"),
                               .queue_entity = STR("my-team"),
                               .item_id = STR("UnVuUXVldWVJdGVtOjEyMzQ1Njc4"),
                               .author = STR("ann"),
                               .gcp_project = STR("my-project"),
                               .region = STR("us-central1"),
                               .agent_label = STR("agent-1"),
                               .attempt_label = STR("attempt-1"),
                               .now_unix_ms = 1767323045678 };
    int rc = jval_from_yaml(a, config, "config.yaml", NULL, &tree, &e);

    if (!rc)
        rc = jval_from_json(a, STR(spec_text), "spec", NULL, &given, &e);
    if (!rc) {
        jval_set(a, args, "vertex", tree);
        jval_set(a, given, "resource_args", args);
        rc = launch_spec_parse(given, &spec, &p, &e);
    }
    in.image_uri = spec.image_uri;
    if (!rc)
        rc = render_custom_job(&in, &out, &p, &e);
    if (rc) {
        fprintf(stderr, "bench_render: %s\n", e.msg);
        exit(1);
    }
    return jval_text(a, out.request, JVAL_COMPACT).len;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return x < y ? -1 : x > y;
}

static void measure(const char *name, struct str config, size_t runs)
{
    double *times = calloc(runs, sizeof(*times));
    size_t bytes = 0;

    if (!times)
        abort();
    for (size_t i = 0; i < (runs < WARM_UP ? 1 : WARM_UP); i++)
        bytes += render(config);
    for (size_t i = 0; i < runs; i++) {
        double began = now_us();

        bytes += render(config);
        times[i] = now_us() - began;
    }
    qsort(times, runs, sizeof(*times), by_size);
    if (bytes > 0)
        printf("%s_p50 %.1f\n%s_p99 %.1f\n", name, times[runs / 2], name, times[runs * 99 / 100]);
    free(times);
}

/* Four pools with 70 variables and 1,200 arguments each: a config of a megabyte that Vertex would take. */
static void add_pool(struct strbuf *b, unsigned pool)
{
    strbuf_addf(b, "  - machine_spec: {machine_type: n1-standard-8}\n    replica_count: %u\n", pool ? 4 : 1);
    strbuf_addz(b, "    container_spec:\n      image_uri: ${image_uri}\n      env:\n");
    for (unsigned i = 0; i < 70; i++) {
        strbuf_addf(b, "      - name: VARIABLE_%u\n        value: \"", i);
        for (unsigned k = 0; k < 190; k++)
            strbuf_addf(b, "/data/%u:", k);
        strbuf_addz(b, "\"\n");
    }
    strbuf_addz(b, "      args:\n");
    for (unsigned i = 0; i < 1200; i++)
        strbuf_addf(b, "      - --input=gs://bucket/some/longer/path/${run_id}/shard-%05u-of-01200.record\n",
                    i);
}

static void measure_big(size_t runs)
{
    AUTO_STRBUF struct strbuf b = STRBUF(4 * BIG_CONFIG_BYTES);

    strbuf_addz(&b, "spec:\n  staging_bucket: gs://bucket\n  worker_pool_specs:\n");
    for (unsigned i = 0; i < 4; i++)
        add_pool(&b, i);
    strbuf_addz(&b, "# ");
    while (b.len < BIG_CONFIG_BYTES)
        strbuf_addc(&b, '.');
    strbuf_addc(&b, '\n');
    measure("render_1mb", strbuf_str(&b), runs);
}

int main(int argc, char **argv)
{
    static char text[MAX_FILE];
    FILE *f = argc > 1 ? fopen(argv[1], "rb") : NULL;
    size_t len = f ? fread(text, 1, sizeof(text), f) : 0;
    size_t runs = argc > 2 ? strtoul(argv[2], NULL, 10) : 2000;

    if (f)
        fclose(f);
    if (len == 0 || runs == 0 || runs > MAX_RUNS) {
        fprintf(stderr, "usage: bench_render QUEUE.yaml [RUNS]\n");
        return 2;
    }
    measure("render", (struct str){ text, len }, runs);
    measure_big(runs / 100 + 1);
    return 0;
}
