/* postgres/target.h: where a check goes and as whom. */
#ifndef POSTGRES_TARGET_H
#define POSTGRES_TARGET_H

#include "postgres/postgres.h"

#define TARGET_HOSTS 16

struct target_host {
    const char *name;    /* a name, an address; or the folder of a socket */
    const char *address; /* NULL: the name is to be resolved */
    uint16_t port;
};

struct target {
    PQconninfoOption *said; /* by url and service; NULL: nothing */
    struct target_host hosts[TARGET_HOSTS];
    unsigned host_count;
    const char *user, *password, *dbname, *passfile, *application_name;
    const char *ca_file, *cert_file, *key_file;
    enum sslmode sslmode; /* never auto */
    enum session_attrs attrs;
    char text[2048]; /* that hosts point into */
    size_t used;
};

/* False: *option and why are filled, as for rlv_plugin.validate. In either case
 * target_free() is due. The strings are those of conf, or the target's own.
 * A service is looked up where `services`: that reads a file. */
bool target_read(struct target *, const struct postgres_conf *, bool files,
                 const char **option, char *why, size_t size);
void target_free(struct target *);

/* What url and service say of a keyword of libpq's; NULL: nothing. */
const char *target_said(const struct target *, const char *keyword);
bool target_is_socket(const struct target_host *);

#endif
