/* redis/info.h: the text of INFO and CLUSTER INFO. */
#ifndef REDIS_INFO_H
#define REDIS_INFO_H

#include <relevo/plugin.h>

struct info_line {
    const char *name, *value; /* not NUL-ended */
    size_t name_len, value_len;
};

/* The lines of an INFO or CLUSTER INFO, which it points into. */
struct info {
    struct info_line lines[512];
    size_t count;
};

void info_parse(struct info *, const char *text, size_t len);
const struct info_line *info_find(const struct info *, const char *name);
bool info_number(const struct info *, const char *name, int64_t *number);
/* "keys" out of "keys=3,expires=0,avg_ttl=0". */
bool info_part(const struct info_line *, const char *name, int64_t *number);
/* How far replicas are behind; false: there is nobody to be behind. */
bool info_lag_bytes(const struct info *, int64_t *bytes);
bool info_lag_s(const struct info *, int64_t *seconds);
bool info_good_replicas(const struct info *, int64_t *count);
/* Observes all of an INFO; db is the one whose keys are counted. */
void info_observe(struct rlv_probe *, const struct info *, int64_t db);
void info_observe_cluster(struct rlv_probe *, const struct info *);
/* The lines that say something, as evidence; returns the bytes written. */
size_t info_text(const struct info *, char *text, size_t size);

#endif
