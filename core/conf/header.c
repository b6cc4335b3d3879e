/* conf/header.c: see header.h. */
#include "conf/header.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/human.h"
#include "base/str.h"

enum { LARGEST_HEADER = 16384, MOST_PARAMS = 64 };

#define MINUTE_NS (60 * NS_PER_S)

// clang-format off
static const struct {
    unsigned on;
    int64_t timeout_ns, cooldown_ns;
} by_kind[] = {
    [RUNBOOK_DIAGNOSE]  = {ON_SUSPECT,             30 * NS_PER_S, 5 * MINUTE_NS},
    [RUNBOOK_REMEDIATE] = {ON_DOWN,                5 * MINUTE_NS, 30 * MINUTE_NS},
    [RUNBOOK_NOTIFY]    = {ON_DOWN | ON_RECOVERED, 30 * NS_PER_S, 0},
};
// clang-format on

int64_t runbook_default_cooldown_ns(enum runbook_kind kind)
{
    return by_kind[kind].cooldown_ns;
}

struct reader {
    struct arena *arena;
    struct script_header *out;
    struct err *err;
    bool has_kind;
};

/* The next word at *s, or one in quotes; NULL at the end. */
static char *next_word(struct reader *r, const char **s)
{
    *s += strspn(*s, " \t,");
    const char *start = *s;
    if (*start == '\0')
        return NULL;
    struct buf word = {0};
    bool quoted = false;
    for (; **s != '\0' && (quoted || strchr(" \t,", **s) == NULL); (*s)++)
        if (**s == '"')
            quoted = !quoted;
        else
            buf_addc(&word, **s);
    char *copy = arena_strdup(r->arena, buf_text(&word));
    buf_free(&word);
    return copy;
}

static bool read_kind(struct reader *r, const char *value)
{
    r->has_kind = true;
    return runbook_kind_parse(value, &r->out->kind) ||
           err_set(r->err, ERR_CONFIG, 0,
                   "\"%s\" is not \"diagnose\", \"remediate\" or \"notify\"",
                   value);
}

static bool read_title(struct reader *r, const char *value)
{
    r->out->title = arena_strdup(r->arena, value);
    return true;
}

static bool read_on(struct reader *r, const char *value)
{
    const char *word;
    while ((word = next_word(r, &value)) != NULL) {
        bool later;
        unsigned bit = runbook_on_parse(word, &later);
        if (bit == 0 && !later)
            return err_set(r->err, ERR_CONFIG, 0,
                           "\"%s\" is not something a runbook can run on",
                           word);
        r->out->on |= bit;
    }
    return true;
}

static bool read_timeout(struct reader *r, const char *value)
{
    return human_parse_duration(value, &r->out->timeout_ns, r->err);
}

static bool is_name(const char *s)
{
    size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789_-");
    return isalpha((unsigned char)s[0]) && s[n] == '\0';
}

/* "secret", "default=json", in brackets or not. */
static bool read_flag(struct reader *r, struct header_param *p, char *word)
{
    size_t n = strlen(word);
    if (n >= 2 && word[0] == '[' && word[n - 1] == ']') {
        word[n - 1] = '\0';
        word++;
    }
    if (str_eq(word, "secret"))
        p->secret = true;
    else if (str_eq(word, "required"))
        p->required = true;
    else if (str_starts(word, "default="))
        p->fallback = word + strlen("default=");
    else
        return err_set(r->err, ERR_CONFIG, 0,
                       "\"%s\" is not \"secret\", \"required\" or "
                       "\"default=…\"",
                       word);
    return true;
}

static bool read_param(struct reader *r, const char *value)
{
    if (r->out->param_count >= MOST_PARAMS)
        return err_set(r->err, ERR_LIMIT, 0, "more than %d parameters",
                       MOST_PARAMS);
    struct header_param *p = &r->out->params[r->out->param_count];
    p->name = next_word(r, &value);
    p->help = "";
    if (p->name == NULL || !is_name(p->name) || header_param(r->out, p->name))
        return err_set(r->err, ERR_CONFIG, 0,
                       "\"%s\" is not the name of a new parameter: small "
                       "letters, digits, \"-\" and \"_\"",
                       p->name == NULL ? "" : p->name);
    r->out->param_count++;
    for (;;) {
        value += strspn(value, " \t");
        bool is_help = *value == '"';
        char *word = next_word(r, &value);
        if (word == NULL)
            return true;
        if (is_help)
            p->help = word;
        else if (!read_flag(r, p, word))
            return err_wrap(r->err, "parameter \"%s\"", p->name);
    }
}

static const struct {
    const char *word;
    bool (*read)(struct reader *, const char *value);
} words[] = {
    {"kind", read_kind},       {"title", read_title}, {"on", read_on},
    {"timeout", read_timeout}, {"param", read_param},
};

/* What follows the comment sign of a line, or NULL: no comment. */
static const char *comment(const char *line)
{
    line += strspn(line, " \t");
    if (line[0] == '#')
        return line + 1 + (line[1] == '!');
    return str_starts(line, "//") || str_starts(line, "--") ? line + 2 : NULL;
}

static bool read_line(struct reader *r, const char *text)
{
    text += strspn(text, " \t");
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        size_t n = strlen(words[i].word);
        if (!str_starts(text, words[i].word) || text[n] != ':')
            continue;
        text += n + 1;
        text += strspn(text, " \t");
        size_t len = strlen(text);
        while (len > 0 && isspace((unsigned char)text[len - 1]))
            len--;
        return words[i].read(r, arena_strndup(r->arena, text, len)) ||
               err_wrap(r->err, "%s", words[i].word);
    }
    return true;
}

static void finish(struct script_header *h)
{
    if (h->on == 0)
        h->on = by_kind[h->kind].on;
    if (h->timeout_ns == 0)
        h->timeout_ns = by_kind[h->kind].timeout_ns;
}

bool header_parse(const char *text, struct arena *arena,
                  struct script_header *out, struct err *err)
{
    struct reader r = {arena, out, err, false};
    *out = (struct script_header){.title = ""};
    out->params = arena_alloc(arena, MOST_PARAMS * sizeof *out->params);
    for (int number = 1; *text != '\0'; number++) {
        size_t len = strcspn(text, "\n");
        const char *line = arena_strndup(arena, text, len);
        const char *inside = comment(line);
        if (inside == NULL && line[strspn(line, " \t\r")] != '\0')
            break;
        if (inside != NULL && !read_line(&r, inside))
            return err_wrap(err, "line %d", number);
        text += len + (text[len] == '\n');
    }
    if (!r.has_kind)
        return err_set(err, ERR_CONFIG, 0,
                       "there is no line \"# kind: diagnose\" (or remediate, "
                       "or notify) at its beginning");
    finish(out);
    return true;
}

bool header_read(const char *path, struct arena *arena,
                 struct script_header *out, struct err *err)
{
    char text[LARGEST_HEADER + 1];
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return err_set(err, ERR_IO, errno, "cannot read \"%s\"", path);
    ssize_t n = read(fd, text, LARGEST_HEADER);
    int saved = errno;
    close(fd);
    if (n < 0)
        return err_set(err, ERR_IO, saved, "cannot read \"%s\"", path);
    text[n] = '\0';
    return header_parse(text, arena, out, err) || err_wrap(err, "%s", path);
}

const struct header_param *header_param(const struct script_header *h,
                                        const char *name)
{
    for (size_t i = 0; i < h->param_count; i++)
        if (str_eq(h->params[i].name, name))
            return &h->params[i];
    return NULL;
}
