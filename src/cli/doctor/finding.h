/* cli/doctor/finding.h: what a check found, and how it is shown. */
#pragma once

#include "base/jval.h"

enum finding_level {
    FINDING_OK,
    FINDING_SKIPPED, /* could not be looked at, because of another finding or because only a launch knows */
    FINDING_WARNING, /* a launch would go on */
    FINDING_PROBLEM  /* a launch would fail */
};
struct finding { /* texts live as long as the list's arena, or for ever; NULL: there is nothing to say */
    enum finding_level level;
    const char *id;         /* stable: "bucket.missing"; docs/doctor.md has all */
    const char *title;      /* what was looked at: "bucket gs://b" */
    const char *cause;      /* what is wrong with it, why it was not looked at, or what is known of it */
    const char *permission; /* that is missing: "storage.objects.create" */
    const char *fix;        /* what to do; commands to type stand between backticks */
    const char *detail;     /* the peer's own words */
};
struct findings { /* zero-initialise with .a set */
    struct arena *a;
    struct finding *at;
    size_t len, cap;
    size_t problems, warnings;
};
void finding_add(struct findings *f, const struct finding *x);
/** findings_print() - those from @from on, on stdout. */
void findings_print(const struct findings *f, size_t from);
/** findings_value() - {"problems", "warnings", "findings": [...]}. */
struct jval *findings_value(struct arena *a, const struct findings *f);
