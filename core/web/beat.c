/* web/beat.c: /beat/TOKEN, for the jobs of other machines: main is told what
 * they report, and they are answered when it is stored.
 *
 * Who knows no token learns nothing: one that no check has, and a path that
 * means nothing, are answered alike. What main cannot take now is a 503, which
 * curl --retry sends again. */
#include <string.h>

#include "base/str.h"
#include "model/beat.h"
#include "web/handlers.h"

enum { EXIT_MOST = 255 };

/* What stands behind the token. false: it means nothing. */
static bool read_what(const char *what, struct msg_beat *b)
{
    if (what[0] == '\0')
        b->kind = BEAT_END;
    else if (str_eq(what, "start"))
        b->kind = BEAT_START;
    else if (str_eq(what, "fail"))
        b->kind = BEAT_FAIL;
    else if (str_eq(what, "log"))
        b->kind = BEAT_LOG;
    else
        return strlen(what) <= 3 && what[strspn(what, "0123456789")] == '\0' &&
               str_to_i64(what, &b->exit) && b->exit <= EXIT_MOST;
    return true;
}

static void ask(const struct web_request *q, struct msg_beat *b)
{
    struct buf content = {0}, text = {0};
    size_t n = q->body_len;
    const char *end = q->body;
    if (n > BEAT_TEXT) { /* what comes last says what it came to */
        end += n - BEAT_TEXT;
        n = BEAT_TEXT;
    }
    str_to_utf8(&text, end, n);
    b->text = buf_text(&text);
    msg_put_beat(&content, b);
    web_ask(q, QUESTION_BEAT, &content);
    buf_free(&content);
    buf_free(&text);
}

static void answer(struct web_response *r, const void *content, size_t len)
{
    enum heard heard;
    if (!msg_get_heard(content, len, &heard) || heard == HEARD_LATER)
        response_error(r, 503, "it cannot be taken now: try again");
    else if (heard == HEARD_UNKNOWN)
        response_error(r, 404, "there is nothing here");
    else
        buf_adds(&r->body, "ok\n");
}

void beat_handle(const struct web_request *q, struct web_response *r)
{
    size_t len;
    const void *content = web_answer(q, &len);
    const char *what = web_param(q, "what"), *rid = web_query(q, "rid");
    struct msg_beat b = {.kind = BEAT_END,
                         .token = web_param(q, "token"),
                         .rid = rid == NULL ? "" : rid};
    if (content != NULL)
        answer(r, content, len);
    else if (!read_what(what == NULL ? "" : what, &b))
        response_error(r, 404, "there is nothing here");
    else if (!beat_is_rid(b.rid))
        response_error(r, 400,
                       "rid: the name of a run has at most %d letters, digits "
                       "and -_.:",
                       BEAT_RID);
    else
        ask(q, &b);
}
