/* postgres/postgres.c: checks of PostgreSQL and of what speaks its protocol.
 * The tables of the plugin: options, fields, default expectations; and what
 * tables cannot say.
 *
 * Everything that happens at run time begins in run.c. */
#include "postgres/postgres.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kit/init.h"
#include "postgres/run.h"

#ifndef RELEVO_VERSION
#define RELEVO_VERSION "0"
#endif

const struct rlv_host *postgres_host;
char postgres_user[64];

static const char sets_help[] =
    "Sets of observations to ask for, beside those that a line reads. There are"
#define SETS_SET(set, help) " " #set
#include "postgres/sets_table.h"
    ".";

// clang-format off
#define OPT(kind, name, flags, field, fallback, limits, help) \
    {name, kind, flags, offsetof(struct postgres_conf, field), fallback, limits, help}
static const struct rlv_option options[] = {
    OPT(RLV_STRING,   "url", RLV_SECRET_PARTS, url, NULL, NULL,
        "postgres://[user[:password]@][host[:port],…][/dbname][?sslmode=…], or libpq's list host=… dbname=…; without it host, port, … count."),
    OPT(RLV_STRING,   "host", 0, host, NULL, NULL,
        "Where no url names one: a name, an address, or the folder of a unix socket, which begins with /; several with commas."),
    OPT(RLV_INT,      "port", 0, port, "5432", "1..65535",
        "The port of host."),
    OPT(RLV_STRING,   "user", 0, user, NULL, NULL,
        "The role to log in as; comes before the one in the url. Without any, the user that Relevo runs as."),
    OPT(RLV_SECRET,   "password", 0, password, NULL, NULL,
        "Password; comes before the one in the url."),
    OPT(RLV_STRING,   "dbname", 0, dbname, NULL, NULL,
        "The database; comes before the one in the url. Without any, one named like the role."),
    OPT(RLV_STRING,   "passfile", 0, passfile, NULL, NULL,
        "A file of passwords, as .pgpass is one; no other user may be able to read it."),
    OPT(RLV_STRING,   "service", 0, service, NULL, NULL,
        "Name of a service, whose parameters count where neither options nor url say otherwise."),
    OPT(RLV_STRING,   "service_file", 0, service_file, NULL, NULL,
        "Where services are; without it /etc/postgresql-common/pg_service.conf."),
    OPT(RLV_ENUM,     "sslmode", 0, sslmode, "auto", "auto|" SSLMODES,
        "As libpq's. auto: the url's; else verify-full where tls.ca_file is given, else prefer."),
    OPT(RLV_ENUM,     "target_session_attrs", 0, session_attrs, "any", SESSION_ATTRS,
        "What the server must be; of several hosts the first that is."),
    OPT(RLV_ENUM,     "level", 0, level, "query", "ready|auth|query",
        "How far to go: ready asks whether logins are taken, without a credential; auth logs in; query asks a query."),
    OPT(RLV_BOOL,     "keep_connection", 0, keep_connection, "false", NULL,
        "Use the session of the last probe where it still stands, instead of a new one each time."),
    OPT(RLV_STRING,   "query", 0, query, NULL, NULL,
        "One statement; $1, $2, … stand for params. Without it SELECT 1."),
    OPT(RLV_LIST,     "params", 0, params, NULL, NULL,
        "What $1, $2, … of the query stand for."),
    OPT(RLV_BOOL,     "read_only", 0, read_only, "true", NULL,
        "Whether the query runs in a read-only transaction."),
    OPT(RLV_STRING,   "heartbeat", 0, heartbeat, NULL, NULL,
        "A table (name text primary key, at timestamptz not null): the age of our row in it is read and, with allow_write, the row written anew."),
    OPT(RLV_BOOL,     "allow_write", 0, allow_write, "false", NULL,
        "Whether heartbeat may write its row, and read_only may be false."),
    OPT(RLV_INT,      "max_rows", 0, max_rows, "1000", "1..1000000",
        "The most rows that an answer may have; more are a fault."),
    OPT(RLV_SIZE,     "max_bytes", 0, max_bytes, "1MiB", "1KiB..64MiB",
        "The largest answer that is taken; a larger one is a fault."),
    OPT(RLV_LIST,     "sets", 0, sets, NULL, NULL, sets_help),
    OPT(RLV_DURATION, "sets_timeout", 0, sets_timeout_ns, "1s", "10ms..60s",
        "How long a statement of a set may take at the server; what takes longer is absent."),
    OPT(RLV_STRING,   "application_name", 0, application_name, "relevo", NULL,
        "Name of the session, as pg_stat_activity shows it, and of our row in heartbeat."),
    OPT(RLV_ENUM,     "ip_family", 0, ip_family, "any", "any|4|6",
        "Which addresses of a name to use."),
    OPT(RLV_STRING,   "tls.ca_file", 0, ca_file, NULL, NULL,
        "Trust the certificates in this file instead of the system's."),
    OPT(RLV_STRING,   "tls.cert_file", 0, cert_file, NULL, NULL,
        "Our own certificate, PEM, where the server asks for one."),
    OPT(RLV_STRING,   "tls.key_file", 0, key_file, NULL, NULL,
        "The key of cert_file, PEM; no other user may be able to read it."),
    OPT(RLV_ENUM,     "tls.min_version", 0, min_version, "1.2", "1.0|1.1|1.2|1.3",
        "The oldest version of TLS that will do."),
};

static const struct rlv_field fields[] = {
    [FIELD_LATENCY]       = {"latency", RLV_T_DURATION, RLV_RECORDED, "",
        "The query, without connecting; at the levels ready and auth, until the server's answer."},
    [FIELD_ROLE]          = {"role", RLV_T_TEXT, RLV_RECORDED, "",
        "primary or standby; absent before PostgreSQL 14."},
    [FIELD_READ_ONLY]     = {"read_only", RLV_T_BOOL, 0, "",
        "Whether transactions are read-only unless they say otherwise; absent before PostgreSQL 14."},
    [FIELD_VERSION]       = {"version", RLV_T_TEXT, 0, "",
        "Version of the server."},
    [FIELD_ROWS]          = {"rows", RLV_T_INT, RLV_RECORDED, "",
        "Rows of the answer."},
    [FIELD_AFFECTED]      = {"affected", RLV_T_INT, 0, "",
        "Rows that a writing query has changed."},
    [FIELD_VALUE]         = {"value", RLV_T_MAP, RLV_RECORDED, "",
        "A column of the first row: value('count'); absent where it is NULL."},
    [FIELD_CELL]          = {"cell", RLV_T_MAP, RLV_COSTLY, "",
        "A column of any of the first 256 rows, which count from 0: cell('1.state')."},
    [FIELD_WRITE]         = {"write", RLV_T_DURATION, RLV_RECORDED, "",
        "heartbeat: the transaction that wrote the row."},
    [FIELD_HEARTBEAT_AGE] = {"heartbeat_age", RLV_T_DURATION, RLV_RECORDED, "",
        "heartbeat: since our row was written before; absent where there was none."},
    [FIELD_HOST]          = {"host", RLV_T_TEXT, 0, "",
        "Which of the hosts it was."},
    [FIELD_IP]            = {"ip", RLV_T_TEXT, 0, "",
        "Its address; absent for a unix socket."},
    KIT_FACT_FIELDS(FIELD_TLS),
    [FIELD_REFUSED]       = {"refused", RLV_T_TEXT, 0, "",
        "Sets of which the server did not show everything, and why; what is missing is absent."},
#define SETS_FIELD(set, NAME, name, type, flags, help) \
    [FIELD_##NAME] = {name, RLV_T_##type, flags, "", #set ": " help},
#define SETS_SHOWN(set, NAME, name, column, type, as, flags, help) \
    [FIELD_##NAME] = {name, RLV_T_##type, flags, "", #set ": " help},
#include "postgres/sets_table.h"
};
// clang-format on

static const char *const warn_unless[] = {"cert_expiry > 14d",
                                          "connections < 80%",
                                          "wal_receiver == 'streaming'",
                                          "not archive_failing",
                                          "slots_lost == 0",
                                          "wraparound < 50%",
                                          "invalid_indexes == 0",
                                          "extensions_missing == ''",
                                          NULL};

/* --------------------------------------------------------------- validation */

/* A url with a {{name}} in it is complete only at run time. */
static bool check_target(const struct postgres_conf *conf, const char **option,
                         char *why, size_t size)
{
    struct target target = {0};
    if ((conf->url && strstr(conf->url, "{{")) ||
        (conf->host && strstr(conf->host, "{{")))
        return true;
    bool fine = target_read(&target, conf, false, option, why, size);
    if (fine && !conf->service && target.key_file && !target.cert_file) {
        *option = "tls.key_file";
        snprintf(why, size, "key_file without cert_file");
        fine = false;
    }
    target_free(&target);
    return fine;
}

static bool check_query(const struct postgres_conf *conf, const char **option,
                        char *why, size_t size)
{
    const char *asks_more = conf->query       ? "query"
                            : conf->heartbeat ? "heartbeat"
                                              : NULL;
    if (asks_more && conf->level != LEVEL_QUERY) {
        *option = asks_more;
        snprintf(why, size, "%s needs level = \"query\"", asks_more);
        return false;
    }
    if (conf->keep_connection && conf->level != LEVEL_QUERY) {
        *option = "keep_connection";
        snprintf(why, size,
                 "keep_connection needs level = \"query\": nothing "
                 "else is asked in a session that is there");
        return false;
    }
    if (conf->params.count && !conf->query) {
        *option = "params";
        snprintf(why, size, "params without query");
        return false;
    }
    if (!conf->read_only && !conf->allow_write) {
        *option = "read_only";
        snprintf(why, size,
                 "the query may write then; it needs allow_write = true");
        return false;
    }
    return true;
}

/* It becomes part of a statement, so nothing else can be in it. */
static bool check_heartbeat(const struct postgres_conf *conf,
                            const char **option, char *why, size_t size)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz_";
    static const char others[] = "abcdefghijklmnopqrstuvwxyz_0123456789";
    const char *table = conf->heartbeat;
    for (int parts = 0; table && parts < 2; parts++) {
        size_t n = strchr(letters, *table) ? strspn(table, others) : 0;
        if (!n || !*table || n > 63)
            break;
        if (!table[n])
            return true;
        if (table[n] != '.')
            break;
        table += n + 1;
    }
    if (!table)
        return true;
    *option = "heartbeat";
    snprintf(why, size,
             "\"%.60s\" is no name of a table, such as "
             "public.relevo_heartbeat, of a-z, 0-9 and _",
             conf->heartbeat);
    return false;
}

static bool check_sets(const struct postgres_conf *conf, const char **option,
                       char *why, size_t size)
{
    *option = "sets";
    if (conf->sets.count && conf->level != LEVEL_QUERY) {
        snprintf(why, size, "sets are asked for by level = \"query\"");
        return false;
    }
    return sets_validate(&conf->sets, why, size);
}

static bool validate(const void *arg, const char **option, char *why,
                     size_t size)
{
    const struct postgres_conf *conf = arg;
    return check_target(conf, option, why, size) &&
           check_query(conf, option, why, size) &&
           check_sets(conf, option, why, size) &&
           check_heartbeat(conf, option, why, size);
}

/* libpq would look for what is not said in the environment and in the home of
 * the user: a check says all of it. */
static void forget_environment(void)
{
    static const char *const names[] = {"PGHOST",
                                        "PGHOSTADDR",
                                        "PGPORT",
                                        "PGDATABASE",
                                        "PGUSER",
                                        "PGPASSWORD",
                                        "PGPASSFILE",
                                        "PGSERVICE",
                                        "PGSERVICEFILE",
                                        "PGREALM",
                                        "PGOPTIONS",
                                        "PGAPPNAME",
                                        "PGSSLMODE",
                                        "PGREQUIRESSL",
                                        "PGSSLCOMPRESSION",
                                        "PGSSLCERT",
                                        "PGSSLKEY",
                                        "PGSSLROOTCERT",
                                        "PGSSLCRL",
                                        "PGSSLCRLDIR",
                                        "PGSSLSNI",
                                        "PGREQUIREPEER",
                                        "PGSSLMINPROTOCOLVERSION",
                                        "PGSSLMAXPROTOCOLVERSION",
                                        "PGGSSENCMODE",
                                        "PGKRBSRVNAME",
                                        "PGGSSLIB",
                                        "PGCONNECT_TIMEOUT",
                                        "PGCLIENTENCODING",
                                        "PGTARGETSESSIONATTRS",
                                        "PGCHANNELBINDING",
                                        "PGDATESTYLE",
                                        "PGTZ",
                                        "PGGEQO",
                                        "PGSYSCONFDIR",
                                        "PGLOCALEDIR"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        unsetenv(names[i]);
}

/* Once: that may ask a directory service. */
static void learn_user(void)
{
    const struct passwd *who = getpwuid(geteuid());
    if (who)
        snprintf(postgres_user, sizeof postgres_user, "%s", who->pw_name);
    else
        snprintf(postgres_user, sizeof postgres_user, "relevo");
}

static int init(const struct rlv_host *host)
{
    postgres_host = host;
    forget_environment();
    learn_user();
    return kit_init(host);
}

RLV_PLUGIN(.name = "postgres", .version = RELEVO_VERSION,
           .summary = "PostgreSQL: a login, any reading query, a write probe",
           RLV_OPTIONS(struct postgres_conf, options), RLV_FIELDS(fields),
           .warn_unless = warn_unless, .init = init, .validate = validate,
           .start = postgres_start);
