/* postgres/target.c: where a check goes and as whom.
 *
 * libpq takes a url, or its own "host=… dbname=…", to pieces; a service, which
 * libpq would look up by itself together with resolving names, is looked up
 * here. What the options say comes first, then the url, then the service; host
 * and port of the options count where neither of these names a host.
 *
 * Called when the configuration is loaded, without a look into files; and by
 * each probe. */
#include "postgres/target.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kit/init.h"

#define SOCKET_FOLDER                                      \
    "/var/run/postgresql" /* where Debian's servers listen \
                           */
#define SERVICES     "/etc/postgresql-common/pg_service.conf"
#define SERVICES_MAX 65536

struct parse {
    struct target *target;
    const char **option;
    char *why;
    size_t size;
};

static bool RLV_PRINTF(3, 4)
    flaw(struct parse *parse, const char *option, const char *fmt, ...)
{
    va_list ap;
    *parse->option = option;
    va_start(ap, fmt);
    vsnprintf(parse->why, parse->size, fmt, ap);
    va_end(ap);
    return false;
}

const char *target_said(const struct target *target, const char *keyword)
{
    for (const PQconninfoOption *at = target->said; at && at->keyword; at++)
        if (strcmp(at->keyword, keyword) == 0)
            return at->val && *at->val ? at->val : NULL;
    return NULL;
}

static const char *first_of(const char *option, const struct target *target,
                            const char *keyword)
{
    return option && *option ? option : target_said(target, keyword);
}

/* ------------------------------------------------------------------ the url */

/* libpq quotes what it does not like, and that may be part of a password. */
static void without_quotes(const char *text, char *out, size_t size)
{
    bool inside = false;
    size_t n = 0;
    for (; *text && *text != '\n' && n + 1 < size; text++) {
        if (*text == '"')
            inside = !inside;
        if (!inside || *text == '"')
            out[n++] = *text;
    }
    out[n] = '\0';
}

static bool read_url(struct parse *parse, const char *url)
{
    char *error = NULL, shown[200];
    bool uri =
        !strncmp(url, "postgres://", 11) || !strncmp(url, "postgresql://", 13);
    const char *query = uri ? strchr(url, '?') : url;
    if (!uri && (strstr(url, "://") || !strchr(url, '=')))
        return flaw(parse, "url",
                    "the url begins with neither postgres:// nor "
                    "postgresql://, and is no list such as host=… dbname=…");
    if (query && strcasestr(query, "password"))
        return flaw(parse, "url",
                    "a password stands in the user's part of a url, "
                    "postgres://user:password@host, or in the option password");
    parse->target->said = PQconninfoParse(url, &error);
    if (parse->target->said)
        return true;
    without_quotes(error ? error : "out of memory", shown, sizeof shown);
    PQfreemem(error);
    return flaw(parse, "url", "%s", shown);
}

/* -------------------------------------------------------------- the service */

static bool set_said(struct parse *parse, const char *keyword,
                     const char *value)
{
    for (PQconninfoOption *at = parse->target->said; at->keyword; at++) {
        if (strcmp(at->keyword, keyword) != 0)
            continue;
        if (!at->val)
            at->val = kit_strdup(value); /* PQconninfoFree() gives it to free */
        return true;
    }
    return flaw(parse, "service", "the service has an unknown keyword: %.40s",
                keyword);
}

static char *trim(char *text)
{
    text += strspn(text, " \t\r");
    size_t n = strlen(text);
    while (n && strchr(" \t\r", text[n - 1]))
        text[--n] = '\0';
    return text;
}

/* [name], and after it lines keyword=value until the next [. */
static bool take_service(struct parse *parse, char *text, const char *name)
{
    bool within = false, found = false;
    char *rest = text, *line;
    while ((line = strsep(&rest, "\n"))) {
        line = trim(line);
        size_t n = strlen(line);
        if (!n || *line == '#')
            continue;
        if (*line == '[') {
            within = !found && n == strlen(name) + 2 && line[n - 1] == ']' &&
                     memcmp(line + 1, name, n - 2) == 0;
            found = found || within;
            continue;
        }
        char *value = strchr(line, '=');
        if (!within)
            continue;
        if (!value)
            return flaw(parse, "service", "a line of the service has no =");
        *value++ = '\0';
        if (!set_said(parse, trim(line), trim(value)))
            return false;
    }
    return found ||
           flaw(parse, "service", "there is no service \"%.40s\"", name);
}

static bool read_service(struct parse *parse, const char *name,
                         const char *path)
{
    char *text = kit_malloc(SERVICES_MAX + 1), *error = NULL;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    ssize_t n = fd < 0 ? -1 : read(fd, text, SERVICES_MAX);
    int sys_errno = errno;
    if (fd >= 0)
        close(fd);
    if (!parse->target->said) /* room for what the service says */
        parse->target->said = PQconninfoParse("", &error);
    PQfreemem(error);
    bool fine;
    if (n < 0 || !parse->target->said) {
        fine = flaw(parse, "service_file", "%.100s: %s", path,
                    n < 0 ? strerror(sys_errno) : "out of memory");
    } else {
        text[n] = '\0';
        fine = take_service(parse, text, name);
    }
    free(text);
    return fine;
}

/* -------------------------------------------------------------------- hosts */

/* The nth of "a,b,c", into the target's text; the last one where there are
 * fewer. NULL: it is empty, or there is no text. */
static const char *nth_of(struct target *target, const char *list, unsigned n)
{
    if (!list)
        return NULL;
    while (n-- && strchr(list, ','))
        list = strchr(list, ',') + 1;
    size_t len = strcspn(list, ",");
    char *at = target->text + target->used;
    if (!len || target->used + len + 1 > sizeof target->text)
        return NULL;
    memcpy(at, list, len);
    target->used += len + 1;
    return at;
}

static unsigned count_of(const char *list)
{
    unsigned n = list ? 1 : 0;
    for (; list && *list; list++)
        n += *list == ',';
    return n;
}

static bool read_port(const char *text, int64_t otherwise, uint16_t *port)
{
    char *end = NULL;
    long value = text ? strtol(text, &end, 10) : (long)otherwise;
    *port = (uint16_t)value;
    return (!text || (end != text && !*end)) && value > 0 && value < 65536;
}

bool target_is_socket(const struct target_host *host)
{
    return !host->address && (*host->name == '/' || *host->name == '@');
}

static bool is_address(const char *host)
{
    unsigned char any[sizeof(struct in6_addr)];
    return inet_pton(AF_INET, host, any) == 1 ||
           inet_pton(AF_INET6, host, any) == 1;
}

static bool take_host(struct parse *parse, const char *option,
                      struct target_host *host, const char *port,
                      int64_t otherwise)
{
    if (!host->name)
        host->name = host->address ? host->address : SOCKET_FOLDER;
    if (!host->address && is_address(host->name))
        host->address = host->name;
    if (host->address && !is_address(host->address))
        return flaw(parse, option, "hostaddr takes addresses, not names");
    if (strlen(host->name) > 250)
        return flaw(parse, option, "the name of a host is too long");
    if (!read_port(port, otherwise, &host->port))
        return flaw(parse, option, "a port is no number from 1 to 65535");
    if (target_is_socket(host) && strlen(host->name) > 85)
        return flaw(parse, option,
                    "the folder of a unix socket has at most 85 bytes");
    return true;
}

static bool read_hosts(struct parse *parse, const struct postgres_conf *conf)
{
    struct target *target = parse->target;
    const char *names = target_said(target, "host");
    const char *addresses = target_said(target, "hostaddr");
    const char *ports = target_said(target, "port");
    bool said = names || addresses || !conf->host;
    const char *option = said ? "url" : "host";
    if (!said)
        names = conf->host;
    unsigned n = count_of(addresses), by_name = count_of(names);
    unsigned by_port = said ? count_of(ports) : 0;
    if (n && by_name && n != by_name)
        return flaw(parse, option, "host and hostaddr name not as many hosts");
    n = n ? n : by_name ? by_name : 1;
    if (n > TARGET_HOSTS)
        return flaw(parse, option, "there are more than %d hosts",
                    TARGET_HOSTS);
    if (by_port > 1 && by_port != n)
        return flaw(parse, option, "there are %u ports for %u hosts", by_port,
                    n);
    for (unsigned i = 0; i < n; i++) {
        struct target_host *host = &target->hosts[i];
        host->name = nth_of(target, names, i);
        host->address = nth_of(target, addresses, i);
        if (!take_host(parse, option, host,
                       said ? nth_of(target, ports, i) : NULL, conf->port))
            return false;
    }
    target->host_count = n;
    return true;
}

/* --------------------------------------------------------------- everything */

/* libpq would pass over one that others can read, and say so on stderr. */
static bool check_passfile(struct parse *parse)
{
    struct stat st;
    const char *path = parse->target->passfile;
    if (!path)
        return true;
    if (stat(path, &st))
        return flaw(parse, "passfile", "%.150s: %s", path, strerror(errno));
    if (!S_ISREG(st.st_mode) || st.st_mode & (S_IRWXG | S_IRWXO))
        return flaw(parse, "passfile",
                    "%.150s must be a file that nobody else can read (0600)",
                    path);
    return true;
}

static bool word_of(const char *words, const char *word, unsigned *index)
{
    size_t n = strlen(word);
    for (*index = 0; *words; ++*index) {
        size_t len = strcspn(words, "|");
        if (len == n && memcmp(words, word, n) == 0)
            return true;
        words += len + (words[len] == '|');
    }
    return false;
}

static bool read_modes(struct parse *parse, const struct postgres_conf *conf)
{
    struct target *target = parse->target;
    const char *mode = target_said(target, "sslmode");
    const char *attrs = target_said(target, "target_session_attrs");
    const char *gss = target_said(target, "gssencmode");
    unsigned index = (unsigned)conf->session_attrs;
    if (gss && strcmp(gss, "require") == 0)
        return flaw(parse, "url",
                    "GSSAPI is not offered: its libraries wait "
                    "for other servers");
    if (attrs && !index && !word_of(SESSION_ATTRS, attrs, &index))
        return flaw(parse, "url", "target_session_attrs is none of %s",
                    SESSION_ATTRS);
    target->attrs = (enum session_attrs)index;
    index = (unsigned)conf->sslmode;
    if (!index && mode) {
        if (!word_of(SSLMODES, mode, &index))
            return flaw(parse, "url", "sslmode is none of %s", SSLMODES);
        index++;
    }
    if (!index)
        index = target->ca_file ? SSLMODE_VERIFY_FULL : SSLMODE_PREFER;
    target->sslmode = (enum sslmode)index;
    return true;
}

/* Keywords that change what a session is, or ask for what is left out. */
static bool check_left_out(struct parse *parse)
{
    static const char *const words[] = {"replication", "sslcrl", "sslcrldir",
                                        "sslpassword", NULL};
    for (size_t i = 0; words[i]; i++)
        if (target_said(parse->target, words[i]))
            return flaw(parse, "url", "%s is not offered", words[i]);
    return true;
}

bool target_read(struct target *target, const struct postgres_conf *conf,
                 bool files, const char **option, char *why, size_t size)
{
    struct parse parse = {target, option, why, size};
    if (conf->url && *conf->url && !read_url(&parse, conf->url))
        return false;
    const char *service = first_of(conf->service, target, "service");
    if (service && files &&
        !read_service(&parse, service,
                      conf->service_file ? conf->service_file : SERVICES))
        return false;
    if (!service && !conf->url && !conf->host)
        return flaw(&parse, "host", "neither url, host nor service is given");
    target->user = first_of(conf->user, target, "user");
    target->password = first_of(conf->password, target, "password");
    target->dbname = first_of(conf->dbname, target, "dbname");
    target->passfile = first_of(conf->passfile, target, "passfile");
    target->application_name = target_said(target, "application_name");
    if (!target->application_name)
        target->application_name = conf->application_name;
    target->ca_file = first_of(conf->ca_file, target, "sslrootcert");
    target->cert_file = first_of(conf->cert_file, target, "sslcert");
    target->key_file = first_of(conf->key_file, target, "sslkey");
    return read_modes(&parse, conf) && check_left_out(&parse) &&
           read_hosts(&parse, conf) && (!files || check_passfile(&parse));
}

void target_free(struct target *target)
{
    PQconninfoFree(target->said);
    target->said = NULL;
}
