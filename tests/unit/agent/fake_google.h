/* tests/unit/agent/fake_google.h: Vertex AI as a table in memory, in place of src/google. */
#pragma once

#include "google/logging.h"
#include "google/secret_manager.h"
#include "google/vertex.h"

enum { CLOUD_MAX_JOBS = 1400, CLOUD_LABEL_SIZE = 64 };

struct cloud_job {
    char name[80], state[40];
    char attempt[CLOUD_LABEL_SIZE], agent[CLOUD_LABEL_SIZE], home[CLOUD_LABEL_SIZE], item[CLOUD_LABEL_SIZE],
        run[CLOUD_LABEL_SIZE];
    const char *error;
    bool deleted; /* nobody can see it any more */
    bool started; /* it has a start time */
};
struct cloud {
    struct io *io; /* of the agent */
    struct cloud_job jobs[CLOUD_MAX_JOBS];
    int count, creates, cancels, lists, gets;
    int item_lists;     /* those of one item's jobs */
    int told_max;       /* the longest list as far as it was read */
    int lose_answers;   /* of the next so many creates that work */
    int refuse_creates; /* with 429 */
    bool twice;         /* a create makes two jobs */
    bool nowhere;       /* creates get no answer, lists are not found: there is no such region */
    int fail_cancels;   /* the next so many cancels fail with 503 */
    bool down;
    const char *log_text;              /* the line of every job; NULL: its log may not be read */
    bool project_unknown;              /* whoever knows it does not answer */
    bool saw_key;                      /* the wire text of a create held the API key */
    const char *secret;                /* the value of every secret; NULL: reading one is denied */
    int secret_reads, secret_failures; /* that many reads fail with 503 */
    char wire[8192];
};
extern struct cloud cloud;
void cloud_set_state(int index, const char *state, const char *error);
int cloud_live_jobs(void);
