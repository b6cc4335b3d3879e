/* web/response.c: see response.h. */
#include "web/response.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/str.h"
#include "report/json.h"

void response_json(struct web_response *r, json_t *object)
{
    char *text = json_dumps(object, JSON_COMPACT);
    json_decref(object);
    must(text != NULL);
    buf_clear(&r->body);
    buf_adds(&r->body, text);
    buf_addc(&r->body, '\n');
    r->type = WEB_JSON;
    free(text);
}

void response_error(struct web_response *r, unsigned status, const char *fmt,
                    ...)
{
    struct buf text = {0};
    va_list args;
    va_start(args, fmt);
    buf_addv(&text, fmt, args);
    va_end(args);
    r->status = status;
    if (str_eq(r->type, WEB_JSON)) {
        response_json(r, json_pack("{s:o}", "error",
                                   report_text(buf_text(&text), text.len)));
    } else {
        r->type = WEB_TEXT;
        buf_clear(&r->body);
        str_clean_buf(&r->body, buf_text(&text), text.len, false);
        buf_addc(&r->body, '\n');
    }
    buf_free(&text);
}
