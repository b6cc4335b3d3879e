/* base/tz_file.c: finds and reads a TZif file; see tz.h. Every count and index
 * of the file is checked: it may come from anywhere ($TZDIR). */
#include "base/tz.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/tz_impl.h"

enum { HEADER_BYTES = 44, LARGEST_FILE = 1 << 20 };

/* ---------------------------------------------------------- the format --- */

/* What is left of the file. */
struct reader {
    const unsigned char *at;
    size_t left;
};

/* RFC 8536, 3.1. */
struct header {
    unsigned char version;
    uint32_t isut, isstd, leap, time, type, chars;
};

static const unsigned char *take(struct reader *r, size_t n)
{
    if (n > r->left)
        return NULL;
    r->at += n;
    r->left -= n;
    return r->at - n;
}

static uint32_t be32(const unsigned char *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 |
           p[3];
}

static int64_t be_signed(const unsigned char *p, size_t width)
{
    if (width == 4)
        return (int32_t)be32(p);
    return (int64_t)((uint64_t)be32(p) << 32 | be32(p + 4));
}

static bool read_header(struct reader *r, struct header *h)
{
    const unsigned char *p = take(r, HEADER_BYTES);
    if (p == NULL || memcmp(p, "TZif", 4) != 0)
        return false;
    *h = (struct header){p[4],         be32(p + 20), be32(p + 24), be32(p + 28),
                         be32(p + 32), be32(p + 36), be32(p + 40)};
    return true;
}

/* The four-byte data block that a newer reader passes over. */
static bool skip_block(struct reader *r, const struct header *h)
{
    uint64_t n = (uint64_t)h->time * 5 + (uint64_t)h->type * 6 + h->chars +
                 (uint64_t)h->leap * 8 + h->isstd + h->isut;
    return n <= r->left && take(r, (size_t)n) != NULL;
}

static const char *read_types(struct tz *z, const unsigned char *p,
                              const char *chars, size_t chars_len)
{
    z->types = xcalloc(z->type_count, sizeof *z->types);
    for (size_t i = 0; i < z->type_count; i++, p += 6) {
        struct tz_type *t = &z->types[i];
        t->offset_s = (int32_t)be32(p);
        t->is_dst = p[4] == 1;
        if (t->offset_s < TZ_OFFSET_LEAST || t->offset_s > TZ_OFFSET_MOST)
            return "an offset of more than a day";
        if (p[4] > 1 || p[5] >= chars_len)
            return "a broken time type";
        snprintf(t->abbreviation, sizeof t->abbreviation, "%.*s",
                 (int)strnlen(chars + p[5], chars_len - p[5]), chars + p[5]);
    }
    return NULL;
}

static const char *read_times(struct tz *z, const unsigned char *at,
                              const unsigned char *types, size_t width)
{
    z->at_s = xcalloc(z->count, sizeof *z->at_s);
    z->type_of = xcalloc(z->count, 1);
    for (size_t i = 0; i < z->count; i++) {
        z->at_s[i] = be_signed(at + i * width, width);
        z->type_of[i] = types[i];
        if (types[i] >= z->type_count)
            return "a transition to a type that is not there";
        if (i > 0 && z->at_s[i] <= z->at_s[i - 1])
            return "transitions out of order";
    }
    return NULL;
}

/* Returns what is wrong, or NULL. */
static const char *read_block(struct reader *r, const struct header *h,
                              size_t width, struct tz *z)
{
    if (h->leap > 0)
        return "leap seconds, which wall clocks here do not count";
    if (h->type == 0 || h->type > 256 || h->chars == 0)
        return "no time types";
    if (h->time > r->left)
        return "fewer bytes than its header says";
    const unsigned char *at = take(r, h->time * width);
    const unsigned char *of = take(r, h->time);
    const unsigned char *types = take(r, (size_t)h->type * 6);
    const unsigned char *chars = take(r, h->chars);
    if (at == NULL || of == NULL || types == NULL || chars == NULL ||
        take(r, (size_t)h->isstd + h->isut) == NULL)
        return "fewer bytes than its header says";
    z->type_count = h->type;
    z->count = h->time;
    const char *wrong = read_types(z, types, (const char *)chars, h->chars);
    return wrong ? wrong : read_times(z, at, of, width);
}

static const char *read_footer(struct reader *r, struct tz *z)
{
    char text[128];
    const unsigned char *p = take(r, 1);
    const unsigned char *end =
        p && *p == '\n' ? memchr(r->at, '\n', r->left) : NULL;
    if (end == NULL)
        return "no footer";
    size_t n = (size_t)(end - r->at);
    if (n >= sizeof text)
        return "a footer of more than 127 bytes";
    memcpy(text, r->at, n);
    text[n] = '\0';
    if (n > 0 && (strlen(text) != n || !tz_rule_parse(text, &z->rule)))
        return "a footer that is no POSIX time zone";
    return NULL;
}

static const char *read_all(struct reader r, struct tz *z)
{
    struct header h;
    if (!read_header(&r, &h))
        return "another format than TZif";
    if (h.version == 0)
        return read_block(&r, &h, 4, z);
    if (!skip_block(&r, &h) || !read_header(&r, &h))
        return "fewer bytes than its header says";
    const char *wrong = read_block(&r, &h, 8, z);
    return wrong ? wrong : read_footer(&r, z);
}

static struct tz *new_zone(const char *name)
{
    struct tz *z = xcalloc(1, sizeof *z);
    snprintf(z->name, sizeof z->name, "%s", name);
    return z;
}

struct tz *tz_parse(const char *name, const void *bytes, size_t n,
                    struct err *err)
{
    struct tz *z = new_zone(name);
    const char *wrong = read_all((struct reader){bytes, n}, z);
    if (wrong == NULL)
        return z;
    tz_free(z);
    err_set(err, ERR_PROTOCOL, 0, "time zone %s: the file has %s", name, wrong);
    return NULL;
}

/* ----------------------------------------------------------- the files --- */

static const char *folder(void)
{
    const char *dir = getenv("TZDIR");
    return dir != NULL && *dir != '\0' ? dir : "/usr/share/zoneinfo";
}

static bool read_file(const char *path, struct buf *out, struct err *err)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return err_set(
            err, errno == ENOENT || errno == ENOTDIR ? ERR_NOT_FOUND : ERR_IO,
            errno, "open %s", path);
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        close(fd);
        return err_set(err, ERR_NOT_FOUND, 0, "%s is not a file", path);
    }
    char chunk[4096];
    ssize_t n;
    while ((n = read(fd, chunk, sizeof chunk)) > 0 && out->len < LARGEST_FILE)
        buf_add(out, chunk, (size_t)n);
    int sys = errno;
    close(fd);
    if (n < 0)
        return err_set(err, ERR_IO, sys, "read %s", path);
    return n == 0 ||
           err_set(err, ERR_LIMIT, 0, "%s is larger than 1 MiB", path);
}

/* Adds the third column of zone.tab: every place's zone. */
static void list_zones(struct map *names)
{
    char path[512], *line, *rest, *column;
    struct buf tab = {0};
    snprintf(path, sizeof path, "%s/zone.tab", folder());
    if (!read_file(path, &tab, NULL))
        buf_clear(&tab);
    char *text = buf_take(&tab);
    for (char *s = text; (line = strtok_r(s, "\n", &rest)) != NULL; s = NULL) {
        char *tail = NULL;
        if (line[0] == '#' || strtok_r(line, "\t", &tail) == NULL ||
            strtok_r(NULL, "\t", &tail) == NULL ||
            (column = strtok_r(NULL, "\t", &tail)) == NULL)
            continue;
        map_set(names, column, NULL);
    }
    map_set(names, "UTC", NULL);
    free(text);
}

static const char *nth_name(const void *names, size_t i)
{
    return i < map_count(names) ? map_key(names, i) : NULL;
}

/* "madrid" and "europe/madrid" mean "Europe/Madrid", and so does "Madird". */
static const char *nearest_zone(const struct map *names, const char *wrong)
{
    const char *slip = str_nearest(wrong, nth_name, names);
    for (size_t i = 0; i < map_count(names); i++) {
        const char *name = map_key(names, i), *city = strrchr(name, '/');
        if (strcasecmp(name, wrong) == 0 ||
            (city != NULL && strcasecmp(city + 1, wrong) == 0))
            return name;
        if (slip == NULL && city != NULL &&
            str_nearest_of(wrong, (const char *[]){city + 1, NULL}) != NULL)
            slip = name;
    }
    return slip;
}

static bool refuse_unknown(const char *name, struct err *err)
{
    struct map *names = map_new();
    list_zones(names);
    const char *near = nearest_zone(names, name);
    if (near != NULL)
        err_set(err, ERR_NOT_FOUND, 0,
                "no time zone \"%s\"; did you mean \"%s\"?", name, near);
    else
        err_set(err, ERR_NOT_FOUND, 0,
                "no time zone \"%s\" in %s; names look like \"Europe/Madrid\""
                " or \"UTC\"",
                name, folder());
    map_free(names);
    return false;
}

/* A zone's name is never a way out of the folder. */
static bool is_name(const char *name)
{
    const char *others = "/_+-";
    size_t n = strlen(name);
    if (n == 0 || n >= sizeof((struct tz *)0)->name || name[0] == '/' ||
        name[n - 1] == '/')
        return false;
    for (size_t i = 0; i < n; i++)
        if (!isalnum((unsigned char)name[i]) && !strchr(others, name[i]))
            return false;
    return true;
}

/* "+05:30". */
static struct tz *fixed_zone(const char *name)
{
    const char *s = name;
    int sign = *s == '-' ? -1 : 1;
    if ((*s != '+' && *s != '-') || strlen(s) != 6 || s[3] != ':' ||
        strspn(s + 1, "0123456789") != 2 || strspn(s + 4, "0123456789") != 2)
        return NULL;
    int hours = (s[1] - '0') * 10 + s[2] - '0';
    int minutes = (s[4] - '0') * 10 + s[5] - '0';
    if (hours > 23 || minutes > 59)
        return NULL;
    struct tz *z = new_zone(name);
    z->type_count = 1;
    z->types = xcalloc(1, sizeof *z->types);
    z->types[0].offset_s = sign * (hours * 3600 + minutes * 60);
    memcpy(z->types[0].abbreviation, name, 7);
    return z;
}

struct tz *tz_load(const char *name, struct err *err)
{
    if (strcmp(name, "UTC") == 0) {
        struct tz *z = new_zone(name);
        z->type_count = 1;
        z->types = xcalloc(1, sizeof *z->types);
        memcpy(z->types[0].abbreviation, "UTC", 4);
        z->is_utc = true;
        return z;
    }
    struct tz *fixed = fixed_zone(name);
    if (fixed != NULL)
        return fixed;
    if (!is_name(name)) {
        char shown[128];
        err_set(err, ERR_CONFIG, 0,
                "\"%s\" is not a time zone such as \"Europe/Madrid\", \"UTC\" "
                "or \"+02:00\"",
                str_clean(shown, sizeof shown, name, strlen(name)));
        return NULL;
    }
    char path[512];
    struct err why = {0};
    struct buf bytes = {0};
    struct tz *z = NULL;
    snprintf(path, sizeof path, "%s/%s", folder(), name);
    if (read_file(path, &bytes, &why))
        z = tz_parse(name, bytes.data, bytes.len, err);
    else if (why.code == ERR_NOT_FOUND)
        refuse_unknown(name, err);
    else
        err_set(err, why.code, 0, "time zone %s: %s", name, why.text);
    buf_free(&bytes);
    return z;
}
