/* model/finding.c: see finding.h. */
#include "model/finding.h"

#include <string.h>

#include "base/str.h"

enum sort { SORT_TEXT, SORT_NUMBER };

static const struct {
    const char *type, *member;
    enum sort sort;
} needed[] = {
#define X(t, member, sort, text) {t, member, SORT_##sort},
    FINDING_MAP(X)
#undef X
};

static const char *const severities[] = {FINDING_SEVERITIES};

static const char *text_of(const json_t *object, const char *member)
{
    const char *text = json_string_value(json_object_get(object, member));
    return text != NULL ? text : "";
}

/* 0: none of them; then heavier is greater. */
static size_t severity_of(const json_t *object)
{
    for (size_t i = 0; i < ARRAY_LEN(severities); i++)
        if (strcmp(text_of(object, "sev"), severities[i]) == 0)
            return i + 1;
    return 0;
}

static bool check_members(const json_t *object, const char *type,
                          struct err *err)
{
    for (size_t i = 0; i < ARRAY_LEN(needed); i++) {
        if (strcmp(needed[i].type, type) != 0)
            continue;
        const json_t *member = json_object_get(object, needed[i].member);
        bool text = needed[i].sort == SORT_TEXT;
        if (text ? !json_is_string(member) : !json_is_number(member))
            return err_set(err, ERR_PROTOCOL, 0, "a \"%s\" needs \"%s\", a %s",
                           type, needed[i].member, text ? "string" : "number");
    }
    if (strcmp(type, "finding") == 0 && severity_of(object) == 0)
        return err_set(err, ERR_PROTOCOL, 0,
                       "\"sev\" must be info, warn or crit");
    return true;
}

static bool check_object(const json_t *value, struct err *err)
{
    if (!json_is_object(value))
        return err_set(err, ERR_PROTOCOL, 0, "not a JSON object");
    const char *type = text_of(value, "t");
    if (type[0] == '\0')
        return err_set(err, ERR_PROTOCOL, 0,
                       "\"t\", the type, is missing or no string");
    return check_members(value, type, err);
}

/* Without the parser's "near '…'": a piece of a secret would not be
 * recognised as one. */
static void explain(const json_error_t *wrong, struct err *err)
{
    const char *near = strstr(wrong->text, " near ");
    size_t n =
        near != NULL ? (size_t)(near - wrong->text) : strlen(wrong->text);
    err_set(err, ERR_PROTOCOL, 0, "not JSON: column %d: %.*s", wrong->column,
            (int)n, wrong->text);
}

json_t *finding_parse(const char *line, size_t n, struct err *err)
{
    struct buf text = {0};
    json_error_t wrong;
    if (n > FINDING_LINE) {
        err_set(err, ERR_LIMIT, 0, "longer than %d bytes", FINDING_LINE);
        return NULL;
    }
    str_to_utf8(&text, line, n);
    json_t *value = json_loadb(buf_text(&text), text.len, 0, &wrong);
    buf_free(&text);
    if (value == NULL)
        explain(&wrong, err);
    else if (!check_object(value, err)) {
        json_decref(value);
        value = NULL;
    }
    return value;
}

/* Text without control characters that jansson's own reader would refuse. */
static json_t *clean_string(const char *s, size_t n)
{
    struct buf text = {0};
    str_clean_buf(&text, s, n, true);
    json_t *string = json_stringn(buf_text(&text), text.len);
    buf_free(&text);
    return string;
}

static json_t *own_warning(const char *code, const char *title,
                           size_t title_len)
{
    return json_pack("{s:s, s:s, s:s, s:o}", "t", "finding", "sev", "warn",
                     "code", code, "title", clean_string(title, title_len));
}

json_t *finding_malformed(const char *why, const char *line, size_t n)
{
    enum { SHOWN = 200 };
    struct buf title = {0};
    buf_addf(&title, "a line on descriptor 3 is no finding: %s", why);
    json_t *warning = own_warning("runbook.malformed", title.data, title.len);
    buf_free(&title);
    json_object_set_new(warning, "detail",
                        clean_string(line, n < SHOWN ? n : SHOWN));
    return warning;
}

json_t *finding_too_many(size_t count)
{
    struct buf title = {0};
    buf_addf(&title,
             "%zu more findings were dropped: a run may report %d, %d KiB in "
             "all",
             count, FINDINGS_MOST, FINDINGS_BYTES / 1024);
    json_t *warning = own_warning("runbook.too_many", title.data, title.len);
    buf_free(&title);
    return warning;
}

json_t *finding_crowded(size_t most)
{
    struct buf title = {0};
    buf_addf(&title, "ended: it had more than %zu processes at once", most);
    json_t *warning =
        own_warning("runbook.too_many_processes", title.data, title.len);
    buf_free(&title);
    return warning;
}

const char *finding_weightiest(const char *findings, struct arena *arena)
{
    json_t *array = json_loads(findings, 0, NULL), *item;
    const json_t *best = NULL;
    size_t i;
    json_array_foreach (array, i, item) {
        if (strcmp(text_of(item, "t"), "finding") != 0 ||
            str_starts(text_of(item, "code"), "runbook."))
            continue;
        if (severity_of(item) > (best != NULL ? severity_of(best) : 0))
            best = item;
    }
    const char *title =
        best != NULL ? arena_strdup(arena, text_of(best, "title")) : "";
    json_decref(array);
    return title;
}
