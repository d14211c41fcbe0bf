/*
 * tests/sim/sim_launch.c: the whole way of an item under faults and kills, one world a seed.
 *
 *   sim_launch [--wandb] [--seeds N] [--from S] [--verbose]
 *
 * For some minutes of virtual time requests are lost, doubled, delayed, cut short and answered by who has no
 * say, agents cannot reach a service, or a service them, clocks jump, the agents and the server are killed at
 * any step and started again, and agents stand still for longer than a lease. Then the faults stop, and
 * everything has to settle. The first seed is run twice: the same seed has
 * to give the same history.
 *
 * With --wandb the server is as W&B's closed one appears to an agent: no word of ours, no waiting, an item
 * that is not acknowledged goes back after its lease, and one that is is never lent again. Scripts start
 * their runs, with which items end, and machines of agents are replaced by empty ones while jobs live.
 * Promised there:
 *  - an item has never two jobs that live, and never two at all where there is enough of everything;
 *  - an item that was acknowledged ends once and stays ended, as long as a journal has it;
 *  - jobs that live when a journal is lost are in that of the next agent of the same home five minutes after
 * it and all it needs are well, in no other, and their items end like all others;
 *  - such an agent asks for nothing that only our server has; limits, secrets and times as without.
 * Not to be had: an item whose journal is lost while no job of it lives (none was made yet, it waits for
 * machines, or it ended unreported) stays CLAIMED until its run ends it, for the server tells nobody what an
 * agent had; an adopted job that is preempted fails its item, for the spec is lost; an agent may take items
 * before a list shows it the jobs it has to adopt, so a lost journal adds to the jobs that live at once; and
 * where the spec names the run, an agent whose ack went unanswered until another had the item cannot tell
 * that one's ack from its own (here agents name the runs).
 */
#include <ftw.h>
#include <inttypes.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/log.h"
#include "faults.h"
#include "invariants.h"

enum {
    KEEP_MEMORY = 1 << 30,
    FAULTS_MAX_MS = 150 * 1000,
    SEED_CPU_S = 120,           /* a world takes well under one; also under the sanitizers */
    SETTLE_MS = 120 * 60 * 1000 /* leases, back-offs and jobs one after another fit in well */
};

static uint64_t running_seed;

struct sim_options {
    uint64_t from, seeds;
    bool verbose, wandb;
};

static void empty_folder(void)
{
    nftw(".", remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

/* A fiber that goes round and round never comes back to whoever checks the promises. The world is stuck in
 * the middle of anything, so there is no trace: a debugger at the replay shows the loop. */
static void never_ends(int signal_number)
{
    static const char text[] = "a fiber does not wait for anything any more\n";
    char line[96];
    int len = snprintf(line, sizeof(line), "seed %" PRIu64 ": %s", running_seed, text);

    (void)signal_number;
    (void)!write(STDOUT_FILENO, line, (size_t)len);
    _exit(1);
}

static void limit_seed(uint64_t seed)
{
    const struct itimerval limit = { .it_value.tv_sec = SEED_CPU_S };

    running_seed = seed;
    signal(SIGPROF, never_ends);
    setitimer(ITIMER_PROF, &limit, NULL);
}

static void log_to_trace(void *ctx, enum log_level level, const char *event, const char *pairs)
{
    struct world *w = ctx;

    (void)level;
    sim_note(w->sim, "log %s %s", event, pairs);
    if (invariants_has_secret(str_of(pairs)))
        world_break(w, "the value of a secret was logged: %s", event);
}

static void check_end(struct world *w)
{
    for (size_t i = 0; i < w->item_count; i++) {
        const struct world_item *item = &w->items[i];
        /* said by nobody, or concluded from a run's silence */
        bool may_not_end = w->wandb && (item->lost || item->killed);

        if (item->living || item->ends > 1 || (!item->ends && !may_not_end))
            world_break(w, "%s: %d live jobs, ended %d times", item->label, item->living, item->ends);
    }
}

static void world_run(struct world *w)
{
    struct sim *s = w->sim;
    struct faults faults;
    int64_t faults_end_ms = sim_random_range(s, 0, w->wandb ? 2 * FAULTS_MAX_MS : FAULTS_MAX_MS);

    faults_draw(w, &faults);
    world_start_services(w);
    while (!w->queue_ready && !w->broken[0] && sim_step(s))
        ;
    faults_start(w, &faults);
    while (!w->done && !w->broken[0]) {
        faults_step(w, &faults);
        if (!w->calm && sim_now_ms(s) >= faults_end_ms)
            faults_stop(w, &faults);
        if (!sim_step(s) || sim_now_ms(s) > faults_end_ms + SETTLE_MS)
            world_break(w, "not settled %lld s after the faults ended", (long long)(SETTLE_MS / 1000));
        invariants_step(w);
    }
    if (!w->broken[0]) {
        check_end(w);
        invariants_end(w);
    }
}

static void print_world(const struct world *w, uint64_t seed, bool verbose, bool trace)
{
    AUTO_STRBUF struct strbuf b = STRBUF(16 * 1024 * 1024);

    if (trace && !verbose)
        sim_trace(w->sim, &b);
    if (trace) {
        strbuf_addz(&b, "--- fibers\n");
        sim_fibers(w->sim, &b);
    }
    printf("%sseed %" PRIu64 ": %s; %lld s virtual, %zu items, max_jobs %lld, %zu agents\n", strbuf_cstr(&b),
           seed, w->broken[0] ? w->broken : "fine", (long long)(sim_now_ms(w->sim) / 1000), w->item_count,
           (long long)w->max_jobs, w->agent_count);
    for (size_t i = 0; trace && i < w->item_count; i++)
        printf("  %s %s: %s %s, started %d, living %d\n", w->items[i].label, w->items[i].id,
               w->items[i].state, w->items[i].error, w->items[i].started, w->items[i].living);
}

static void print_line(void *ctx, const char *line)
{
    puts(line);
}

/* 0 when every promise was kept. */
static int run_seed(const struct sim_options *o, uint64_t seed, bool verbose, uint64_t *ret_hash)
{
    struct world *w = world_new(seed, o->wandb);

    limit_seed(seed);
    empty_folder();
    log_set_sink(log_to_trace, w);
    if (verbose)
        sim_watch(w->sim, print_line, NULL);
    world_run(w);
    *ret_hash = sim_trace_hash(w->sim);
    bool bad = w->broken[0] != '\0';
    if (bad || verbose)
        print_world(w, seed, verbose, bad || verbose);
    sim_watch(w->sim, NULL, NULL); /* what unwinds now belongs to no trace */
    log_set_sink(NULL, NULL);
    log_configure(LOG_LEVEL_OFF, LOG_FORMAT_TEXT);
    world_free(w);
    log_configure(LOG_LEVEL_INFO, LOG_FORMAT_TEXT);
    return bad ? 1 : 0;
}

static int run_all(const struct sim_options *o, const char *program)
{
    uint64_t hash = 0, again = 0;

    if (run_seed(o, o->from, false, &hash) == 0 && run_seed(o, o->from, false, &again) == 0 &&
        hash != again) {
        printf("seed %" PRIu64 " gave two histories: %016" PRIx64 " and %016" PRIx64 "\n", o->from, hash,
               again);
        return 1;
    }
    for (uint64_t i = 0; i < o->seeds; i++) {
        if (run_seed(o, o->from + i, o->verbose, &hash)) {
            printf("replay: %s%s --from %" PRIu64 " --seeds 1 --verbose\n", program,
                   o->wandb ? " --wandb" : "", o->from + i);
            return 1;
        }
    }
    printf("%" PRIu64 " seeds from %" PRIu64 ": every item ended reported, once\n", o->seeds, o->from);
    return 0;
}

static bool parse_options(int argc, char **argv, struct sim_options *o)
{
    for (int i = 1; i < argc; i++) {
        int64_t n = 0;
        bool has_number = i + 1 < argc && str_to_i64(str_of(argv[i + 1]), &n) && n >= 0;
        if (strcmp(argv[i], "--verbose") == 0) {
            o->verbose = true;
        } else if (strcmp(argv[i], "--wandb") == 0) {
            o->wandb = true;
        } else if (strcmp(argv[i], "--seeds") == 0 && has_number) {
            o->seeds = (uint64_t)n;
            i++;
        } else if (strcmp(argv[i], "--from") == 0 && has_number) {
            o->from = (uint64_t)n;
            i++;
        } else {
            fprintf(stderr, "usage: %s [--wandb] [--seeds N] [--from S] [--verbose]\n", argv[0]);
            return false;
        }
    }
    return true;
}

int main(int argc, char **argv)
{
    struct sim_options o = { .from = 1, .seeds = 100 };
    char folder[64];

    if (!parse_options(argc, argv, &o))
        return 2;
    (void)mallopt(M_MMAP_THRESHOLD,
                  KEEP_MEMORY); /* worlds come and go: what one gives back the next one takes */
    (void)mallopt(M_TRIM_THRESHOLD, KEEP_MEMORY);
    snprintf(folder, sizeof(folder), "%s/slipway-sim-XXXXXX",
             access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    if (!mkdtemp(folder) || chdir(folder)) {
        perror(folder);
        return 1;
    }
    log_configure(LOG_LEVEL_INFO, LOG_FORMAT_TEXT);
    int rc = run_all(&o, argv[0]);
    empty_folder();
    if (rmdir(folder))
        perror(folder);
    return rc;
}
