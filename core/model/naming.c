/* model/naming.c: see naming.h. */
#include "model/naming.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/str.h"

const char *naming_plain(const struct named *c)
{
    size_t n = strlen(c->environment);
    return n > 0 && str_starts(c->name, c->environment) && c->name[n] == '/'
               ? c->name + n + 1
               : c->name;
}

bool naming_is_glob(const char *word) { return strpbrk(word, "*?[") != NULL; }

bool naming_fits(const struct named *c, const char *word)
{
    return str_glob(word, c->name) || str_glob(word, naming_plain(c));
}

static bool at_conf(const void *arg, size_t i, struct named *out)
{
    const struct conf *conf = arg;
    if (i >= conf->check_count)
        return false;
    *out = (struct named){conf->checks[i].name, conf->checks[i].environment};
    return true;
}

struct naming naming_of_conf(const struct conf *conf)
{
    return (struct naming){conf, at_conf, ""};
}

/* --------------------------------------------------------- suggestions --- */

/* The whole name of each, then its plain one. */
static const char *nth_name(const void *arg, size_t i)
{
    const struct naming *names = arg;
    struct named c;
    if (!names->at(names->arg, i / 2, &c))
        return NULL;
    return i % 2 == 0 ? c.name : naming_plain(&c);
}

static const char *nth_environment(const void *arg, size_t i)
{
    const struct naming *names = arg;
    struct named c;
    return names->at(names->arg, i, &c) ? c.environment : NULL;
}

static bool refuse(const struct naming *names, const char *what,
                   const char *word, const char *near, struct err *err)
{
    const char *gap = names->where[0] ? " " : "";
    if (near == NULL || near[0] == '\0')
        return err_set(err, ERR_NOT_FOUND, 0, "no %s \"%s\"%s%s", what, word,
                       gap, names->where);
    return err_set(err, ERR_NOT_FOUND, 0,
                   "no %s \"%s\"%s%s; did you mean \"%s\"?", what, word, gap,
                   names->where, near);
}

bool naming_environment(const struct naming *names, const char *environment,
                        struct err *err)
{
    struct named c;
    bool any = false;
    if (environment == NULL)
        return true;
    for (size_t i = 0; names->at(names->arg, i, &c); i++) {
        any = any || c.environment[0] != '\0';
        if (str_eq(c.environment, environment))
            return true;
    }
    if (!any)
        return err_set(err, ERR_NOT_FOUND, 0,
                       "no environment \"%s\": there are none%s%s", environment,
                       names->where[0] ? " " : "", names->where);
    return refuse(names, "environment", environment,
                  str_nearest(environment, nth_environment, names), err);
}

/* ---------------------------------------------------------------- finding ---
 */

static bool is_in(const struct named *c, const char *environment)
{
    return environment == NULL || str_eq(c->environment, environment);
}

/* "staging/api, production/api": at most a handful. */
static bool ambiguous(const struct naming *names, const char *word,
                      struct err *err)
{
    struct buf list = {0};
    struct named c;
    size_t n = 0;
    for (size_t i = 0; names->at(names->arg, i, &c); i++)
        if (str_eq(naming_plain(&c), word) && n++ < 8)
            buf_addf(&list, "%s%s", list.len > 0 ? ", " : "", c.name);
    err_set(err, ERR_USAGE, 0,
            "\"%s\" is in %zu environments: %s%s; give the whole name, or "
            "--env",
            word, n, buf_text(&list), n > 8 ? ", …" : "");
    buf_free(&list);
    return false;
}

bool naming_find(const struct naming *names, const char *word,
                 const char *environment, size_t *index, struct err *err)
{
    struct named c;
    size_t found = 0;
    bool elsewhere = false;
    if (!naming_environment(names, environment, err))
        return false;
    for (size_t i = 0; names->at(names->arg, i, &c); i++) {
        bool whole = str_eq(c.name, word);
        if (!whole && !str_eq(naming_plain(&c), word))
            continue;
        if (!is_in(&c, environment)) {
            elsewhere = true;
            continue;
        }
        *index = i;
        if (whole)
            return true;
        found++;
    }
    if (found == 1)
        return true;
    if (found > 1)
        return ambiguous(names, word, err);
    if (elsewhere)
        return err_set(err, ERR_NOT_FOUND, 0, "\"%s\" is not in \"%s\"", word,
                       environment);
    return refuse(names, "check", word, str_nearest(word, nth_name, names),
                  err);
}

bool naming_choose(const struct naming *names, const char *word,
                   const char *environment, bool *chosen, struct err *err)
{
    struct named c;
    size_t index, fits = 0;
    if (!naming_environment(names, environment, err))
        return false;
    for (size_t i = 0; names->at(names->arg, i, &c); i++)
        if (is_in(&c, environment) && naming_fits(&c, word)) {
            chosen[i] = true;
            fits++;
        }
    if (fits > 0)
        return true;
    if (naming_is_glob(word))
        return err_set(err, ERR_NOT_FOUND, 0, "no check fits \"%s\"%s%s", word,
                       environment == NULL ? "" : " in environment ",
                       environment == NULL ? "" : environment);
    return naming_find(names, word, environment, &index, err);
}
