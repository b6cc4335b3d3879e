/* base/listen.c: see listen.h. */
#include "base/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/str.h"

enum { BACKLOG = 128, HOST_MOST = 64 };

static bool parse_path(const char *path, struct listen_at *out, struct err *err)
{
    struct sockaddr_un *at = (struct sockaddr_un *)&out->address;
    if (strlen(path) >= sizeof at->sun_path)
        return err_set(err, ERR_CONFIG, 0,
                       "\"%s\" is too long for a socket (at most %zu bytes)",
                       path, sizeof at->sun_path - 1);
    at->sun_family = AF_UNIX;
    memcpy(at->sun_path, path, strlen(path) + 1);
    out->len = sizeof *at;
    return true;
}

/* A family by the shape of the host: names are not looked up here. */
static bool parse_host(const char *host, uint16_t port, struct listen_at *out)
{
    struct sockaddr_in *v4 = (struct sockaddr_in *)&out->address;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&out->address;
    if (str_eq(host, "localhost"))
        host = "127.0.0.1";
    if (str_eq(host, "*"))
        host = "0.0.0.0";
    if (inet_pton(AF_INET, host, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons(port);
        out->len = sizeof *v4;
        return true;
    }
    size_t n = strlen(host);
    char inner[HOST_MOST];
    if (n < 3 || host[0] != '[' || host[n - 1] != ']')
        return false;
    memcpy(inner, host + 1, n - 2);
    inner[n - 2] = '\0';
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(port);
    out->len = sizeof *v6;
    return inet_pton(AF_INET6, inner, &v6->sin6_addr) == 1;
}

bool listen_parse(const char *text, struct listen_at *out, struct err *err)
{
    char host[HOST_MOST];
    int64_t port = 0;
    const char *colon = strrchr(text, ':');
    memset(out, 0, sizeof *out);
    if (text[0] == '/')
        return parse_path(text, out, err);
    size_t n = colon == NULL ? 0 : (size_t)(colon - text);
    bool cut = n > 0 && n < sizeof host && str_to_i64(colon + 1, &port) &&
               port >= 0 && port <= 65535;
    if (cut) {
        memcpy(host, text, n);
        host[n] = '\0';
    }
    if (cut && parse_host(host, (uint16_t)port, out))
        return true;
    return err_set(err, ERR_CONFIG, 0,
                   "\"%s\" is no address to serve on; expected "
                   "\"127.0.0.1:8970\", \"[::1]:8970\", \"*:8970\" or the "
                   "absolute path of a socket",
                   text);
}

/* A socket that nobody listens on is what a killed process left. */
static void remove_stale(const struct sockaddr_un *at)
{
    struct stat st;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return;
    if (lstat(at->sun_path, &st) == 0 && S_ISSOCK(st.st_mode) &&
        connect(fd, (const struct sockaddr *)at, sizeof *at) != 0 &&
        errno == ECONNREFUSED)
        unlink(at->sun_path);
    close(fd);
}

static bool bind_and_listen(int fd, const struct listen_at *at)
{
    const int on = 1;
    if (at->address.ss_family != AF_UNIX) {
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
        if (at->address.ss_family == AF_INET6)
            setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
        return bind(fd, (const struct sockaddr *)&at->address, at->len) == 0 &&
               listen(fd, BACKLOG) == 0;
    }
    remove_stale((const struct sockaddr_un *)&at->address);
    mode_t old = umask(0117);
    bool ok = bind(fd, (const struct sockaddr *)&at->address, at->len) == 0;
    umask(old);
    return ok && listen(fd, BACKLOG) == 0;
}

int listen_open(const struct listen_at *at, struct err *err)
{
    int fd = socket(at->address.ss_family,
                    SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd >= 0 && bind_and_listen(fd, at))
        return fd;
    err_set(err, ERR_IO, errno, "it cannot be served there");
    if (fd >= 0)
        close(fd);
    return -1;
}

const char *listen_host(const struct listen_at *at, char *out, size_t size)
{
    const void *ip = NULL;
    if (at->address.ss_family == AF_INET)
        ip = &((const struct sockaddr_in *)&at->address)->sin_addr;
    if (at->address.ss_family == AF_INET6)
        ip = &((const struct sockaddr_in6 *)&at->address)->sin6_addr;
    if (ip == NULL ||
        inet_ntop(at->address.ss_family, ip, out, (socklen_t)size) == NULL)
        out[0] = '\0';
    return out;
}

const char *listen_url(int fd, char out[LISTEN_URL])
{
    struct listen_at at = {.len = sizeof at.address};
    char host[HOST_MOST];
    if (getsockname(fd, (struct sockaddr *)&at.address, &at.len) != 0)
        at.address.ss_family = AF_UNSPEC;
    if (at.address.ss_family == AF_UNIX)
        snprintf(out, LISTEN_URL, "unix:%s",
                 ((const struct sockaddr_un *)&at.address)->sun_path);
    else if (at.address.ss_family == AF_INET6)
        snprintf(out, LISTEN_URL, "http://[%s]:%u",
                 listen_host(&at, host, sizeof host),
                 ntohs(((const struct sockaddr_in6 *)&at.address)->sin6_port));
    else
        snprintf(out, LISTEN_URL, "http://%s:%u",
                 listen_host(&at, host, sizeof host),
                 ntohs(((const struct sockaddr_in *)&at.address)->sin_port));
    return out;
}

bool listen_is_local(const struct listen_at *at)
{
    if (at->address.ss_family == AF_UNIX)
        return true;
    if (at->address.ss_family == AF_INET6)
        return IN6_IS_ADDR_LOOPBACK(
            &((const struct sockaddr_in6 *)&at->address)->sin6_addr);
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)&at->address;
    return (ntohl(v4->sin_addr.s_addr) >> 24) == 127;
}
