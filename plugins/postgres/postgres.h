/* postgres/postgres.h: what the files of the postgres plugin share.
 *
 *   postgres.c   the tables and their validation
 *   target.c     where to go and as whom: url, options, service file
 *   session.c    one connection through libpq, never waiting in it
 *   open.c       how it comes about
 *   guard.c      what a peer may make libpq do before it is trusted
 *   fault.c      what an SQLSTATE, or libpq's words, stand for
 *   cancel.c     asks a server to give up a statement that nobody waits for
 *   run.c        one probe: host by host, the query, what comes after it, end
 *   query.c      the query of the check, and what is seen in its answer
 *   transaction.c  statements in a transaction of their own
 *   heartbeat.c  the write probe
 *   sets.c       sets of observations: what a server says of itself; which
 *                there are stands in sets_table.h
 *   value.c      a column's text as a typed value
 */
#ifndef POSTGRES_POSTGRES_H
#define POSTGRES_POSTGRES_H

#include <libpq-fe.h>
#include <relevo/plugin.h>

#include "kit/facts.h"

enum level { LEVEL_READY, LEVEL_AUTH, LEVEL_QUERY };

enum sslmode {
    SSLMODE_AUTO, /* verify-full where a bundle is named, else prefer */
    SSLMODE_DISABLE,
    SSLMODE_ALLOW,
    SSLMODE_PREFER,
    SSLMODE_REQUIRE,
    SSLMODE_VERIFY_CA,
    SSLMODE_VERIFY_FULL
};
#define SSLMODES "disable|allow|prefer|require|verify-ca|verify-full"

enum session_attrs {
    ATTRS_ANY,
    ATTRS_READ_WRITE,
    ATTRS_READ_ONLY,
    ATTRS_PRIMARY,
    ATTRS_STANDBY,
    ATTRS_PREFER_STANDBY
};
#define SESSION_ATTRS "any|read-write|read-only|primary|standby|prefer-standby"

struct postgres_conf {
    const char *url; /* NULL: host and port and so on */
    const char *host;
    int64_t port;
    const char *user, *password, *dbname, *passfile;
    const char *service, *service_file;
    int64_t sslmode; /* enum sslmode */
    const char *ca_file, *cert_file, *key_file;
    int64_t min_version; /* index in 1.0|1.1|1.2|1.3 */
    int64_t session_attrs;
    int64_t ip_family; /* any, 4, 6 */
    const char *application_name;
    int64_t level;
    int64_t keep_connection;
    const char *query;
    struct rlv_list params;
    int64_t read_only;
    const char *heartbeat; /* a table; NULL: no write probe */
    int64_t allow_write;
    int64_t max_rows, max_bytes;
    struct rlv_list sets;
    int64_t sets_timeout_ns;
};

enum postgres_field {
    FIELD_LATENCY,
    FIELD_ROLE,
    FIELD_READ_ONLY,
    FIELD_VERSION,
    FIELD_ROWS,
    FIELD_AFFECTED,
    FIELD_VALUE,
    FIELD_CELL,
    FIELD_WRITE,
    FIELD_HEARTBEAT_AGE,
    FIELD_HOST,
    FIELD_IP,
    FIELD_TLS, /* kit/facts.h */
    FIELD_REFUSED = FIELD_TLS + KIT_FACT_COUNT,
#define SETS_FIELD(set, NAME, name, type, flags, help)             FIELD_##NAME,
#define SETS_SHOWN(set, NAME, name, column, type, as, flags, help) FIELD_##NAME,
#include "postgres/sets_table.h"
};

extern const struct rlv_host *postgres_host;
extern char postgres_user[64]; /* that we run as */

#endif
