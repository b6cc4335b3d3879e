/* redis/target.h: where a check goes, and as whom; which commands it may run
 * there. Pure. */
#ifndef REDIS_TARGET_H
#define REDIS_TARGET_H

#include "redis/redis.h"

/* Strings belong to the options, or lie in text. */
struct target {
    const char *host;      /* NULL: unix_path */
    const char *unix_path; /* or NULL */
    uint16_t port;
    bool tls;
    int64_t db;
    const char *username, *password; /* or NULL */
    char text[4096];                 /* what was decoded out of a url */
};

/* False: why is filled, and *option named. */
bool target_read(struct target *, const struct redis_conf *,
                 const char **option, char *why, size_t size);

/* False: a check may not run it; why says so. */
bool allow_command(const struct rlv_list *command, char *why, size_t size);

#endif
