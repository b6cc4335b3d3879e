/* model/option_show.c: option values as a configuration would write them. */
#include <string.h>

#include "base/human.h"
#include "base/url.h"
#include "model/option.h"

static void show_text(const char *text, struct buf *out)
{
    buf_addc(out, '"');
    for (const char *s = text == NULL ? "" : text; *s != '\0'; s++) {
        unsigned char c = (unsigned char)*s;
        if (c == '\n')
            buf_adds(out, "\\n");
        else if (c < 0x20 || c == 0x7f)
            buf_addf(out, "\\x%02x", c);
        else if (c == '"' || c == '\\')
            buf_addf(out, "\\%c", c);
        else
            buf_addc(out, *s);
    }
    buf_addc(out, '"');
}

static void show_parts(const char *text, struct buf *out)
{
    struct buf blotted = {0};
    url_add_blotted(&blotted, text == NULL ? "" : text);
    show_text(buf_text(&blotted), out);
    buf_free(&blotted);
}

static void show_list(const struct rlv_list *list, struct buf *out)
{
    buf_addc(out, '[');
    for (size_t i = 0; i < list->count; i++) {
        buf_adds(out, i == 0 ? "" : ", ");
        show_text(list->items[i], out);
    }
    buf_addc(out, ']');
}

static void show_dict(const struct rlv_dict *dict, struct buf *out)
{
    buf_adds(out, "{ ");
    for (size_t i = 0; i < dict->count; i++) {
        buf_addf(out, "%s = ", dict->pairs[i].key);
        show_text(dict->pairs[i].value, out);
        buf_adds(out, "; ");
    }
    buf_addc(out, '}');
}

static void show_steps(const struct rlv_steps *steps, struct buf *out)
{
    buf_addc(out, '(');
    for (size_t i = 0; i < steps->count; i++) {
        buf_adds(out, i == 0 ? "" : ", ");
        show_dict(&steps->steps[i], out);
    }
    buf_addc(out, ')');
}

static void show_word(const char *limits, int64_t index, struct buf *out)
{
    const char *s = limits == NULL ? "" : limits;
    for (; index > 0 && *s != '\0'; index--)
        s += strcspn(s, "|") + (s[strcspn(s, "|")] == '|');
    buf_addf(out, "\"%.*s\"", (int)strcspn(s, "|"), s);
}

void option_show(const struct rlv_option *row, const void *conf,
                 struct buf *out)
{
    const void *at = (const char *)conf + row->offset;
    char text[HUMAN_TEXT];
    switch (row->kind) {
    case RLV_STRING:
        if ((row->flags & RLV_SECRET_PARTS) != 0)
            show_parts(*(const char *const *)at, out);
        else
            show_text(*(const char *const *)at, out);
        break;
    case RLV_SECRET:
        buf_adds(out, *(const char *const *)at == NULL ? "\"\"" : "\"***\"");
        break;
    case RLV_INT: buf_addf(out, "%lld", *(const long long *)at); break;
    case RLV_DURATION:
        buf_addf(out, "\"%s\"", human_duration(*(const int64_t *)at, text));
        break;
    case RLV_SIZE:
        buf_addf(out, "\"%s\"", human_size(*(const int64_t *)at, text));
        break;
    case RLV_REAL: buf_addf(out, "%#.15g", *(const double *)at); break;
    case RLV_BOOL:
        buf_adds(out, *(const int64_t *)at != 0 ? "true" : "false");
        break;
    case RLV_ENUM: show_word(row->limits, *(const int64_t *)at, out); break;
    case RLV_LIST: show_list(at, out); break;
    case RLV_DICT: show_dict(at, out); break;
    case RLV_STEPS: show_steps(at, out); break;
    default: break;
    }
}
