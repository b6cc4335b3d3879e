/* runner/intake.c: see intake.h. */
#include "runner/intake.h"

#include <stdlib.h>
#include <string.h>

#include "model/finding.h"
#include "runner/capture.h"

/* What is parsed is redacted value by value, not as a text: a secret may be
 * written with escapes that only the parser undoes. */
static json_t *redact_value(const struct redact *r, const json_t *value);

static json_t *redact_object(const struct redact *r, const json_t *object)
{
    json_t *clean = json_object(), *value;
    const char *key;
    struct buf name = {0};
    json_object_foreach ((json_t *)object, key, value) {
        buf_clear(&name);
        redact_text(r, key, strlen(key), &name);
        json_object_set_new(clean, buf_text(&name), redact_value(r, value));
    }
    buf_free(&name);
    return clean;
}

static json_t *redact_array(const struct redact *r, const json_t *array)
{
    json_t *clean = json_array(), *value;
    size_t i;
    json_array_foreach (array, i, value)
        json_array_append_new(clean, redact_value(r, value));
    return clean;
}

static json_t *redact_string(const struct redact *r, const json_t *string)
{
    struct buf text = {0};
    redact_text(r, json_string_value(string), json_string_length(string),
                &text);
    json_t *clean = capture_string(buf_text(&text), text.len);
    buf_free(&text);
    return clean;
}

/* A secret of digits alone would pass as a number. */
static json_t *redact_scalar(const struct redact *r, const json_t *value)
{
    char *text = json_dumps(value, JSON_ENCODE_ANY);
    bool found = text != NULL && redact_finds(r, text, strlen(text));
    free(text);
    return found ? json_string(REDACTED) : json_deep_copy(value);
}

static json_t *redact_value(const struct redact *r, const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT: return redact_object(r, value);
    case JSON_ARRAY: return redact_array(r, value);
    case JSON_STRING: return redact_string(r, value);
    default: return redact_scalar(r, value);
    }
}

static json_t *malformed(struct intake *in, const char *why, const char *line,
                         size_t n)
{
    struct buf text = {0}, reason = {0};
    redact_text(in->redact, line, n, &text);
    redact_text(in->redact, why, strlen(why), &reason);
    json_t *warning =
        finding_malformed(buf_text(&reason), buf_text(&text), text.len);
    buf_free(&reason);
    buf_free(&text);
    return warning;
}

/* The last look: a secret that spans several values. */
static json_t *without_secrets(struct intake *in, json_t *parsed)
{
    json_t *clean = redact_value(in->redact, parsed);
    char *text = json_dumps(clean, JSON_COMPACT);
    if (text == NULL || redact_finds(in->redact, text, strlen(text))) {
        json_decref(clean);
        clean = malformed(in, "it contains a secret", text != NULL ? text : "",
                          text != NULL ? strlen(text) : 0);
    }
    free(text);
    return clean;
}

static void keep(struct intake *in, json_t *finding)
{
    if (json_array_size(in->list) < FINDINGS_MOST) {
        json_array_append_new(in->list, finding);
        in->bytes += in->line.len;
        return;
    }
    json_decref(finding);
    in->beyond++;
}

static bool is_blank(const struct buf *line)
{
    return strspn(buf_text(line), " \t\r") == line->len;
}

static bool is_full(const struct intake *in)
{
    return json_array_size(in->list) >= FINDINGS_MOST ||
           in->bytes + in->line.len > FINDINGS_BYTES;
}

static void end_line(struct intake *in)
{
    struct err err = {0};
    if (is_full(in)) {
        in->beyond += in->too_long || !is_blank(&in->line);
    } else if (in->too_long) {
        err_set(&err, ERR_LIMIT, 0, "longer than %d bytes", FINDING_LINE);
        keep(in, malformed(in, err.text, buf_text(&in->line), in->line.len));
    } else if (!is_blank(&in->line)) {
        json_t *parsed = finding_parse(in->line.data, in->line.len, &err);
        keep(in, parsed != NULL
                     ? without_secrets(in, parsed)
                     : malformed(in, err.text, in->line.data, in->line.len));
        json_decref(parsed);
    }
    buf_clear(&in->line);
    in->too_long = false;
}

void intake_init(struct intake *in, const struct redact *r)
{
    *in = (struct intake){.redact = r, .list = json_array()};
}

static void add_part(struct intake *in, const char *bytes, size_t n)
{
    size_t room = FINDING_LINE - in->line.len;
    if (n > room)
        in->too_long = true;
    buf_add(&in->line, bytes, n < room ? n : room);
}

void intake_add(struct intake *in, const char *bytes, size_t n)
{
    while (n > 0) {
        const char *newline = memchr(bytes, '\n', n);
        size_t part = newline != NULL ? (size_t)(newline - bytes) : n;
        add_part(in, bytes, part);
        if (newline != NULL)
            end_line(in);
        part += newline != NULL;
        bytes += part;
        n -= part;
    }
}

json_t *intake_end(struct intake *in)
{
    end_line(in);
    if (in->beyond > 0)
        json_array_append_new(in->list, finding_too_many(in->beyond));
    buf_free(&in->line);
    return in->list;
}
