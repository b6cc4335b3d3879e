/* tests/fuzz/fuzz_control.c: any lines on the control socket, as root and as
 * one who may only read. */
#include <stdint.h>
#include <string.h>

#include "base/err.h"
#include "daemon/request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const bool changes[REQUEST_COUNT] = {
#define X(NAME, name, changes_something) changes_something,
    REQUEST_MAP(X)
#undef X
};

/* What is taken out of a request is bounded, or refused with a sentence. */
static void ask_for_words(const struct request *r, size_t n)
{
    struct request_words words;
    const char *text, *refusal = NULL;
    int64_t us;
    if (request_words(r, "checks", &words, &refusal)) {
        must(words.count <= REQUEST_WORDS);
        for (size_t i = 0; i < words.count; i++)
            must(words.items[i][0] != '\0' && strlen(words.items[i]) <= n);
    } else
        must(refusal != NULL);
    if (request_saying(r, "reason", &text, &refusal))
        must(strlen(text) <= REQUEST_SAYING);
    if (request_for(r, &us, &refusal))
        must(us >= 0);
}

static void ask(const char *line, size_t n, bool may_change)
{
    struct request r;
    const char *refusal = request_parse(line, n, may_change, &r);
    must(refusal == NULL || *refusal != '\0');
    if (refusal != NULL)
        return;
    must(r.kind < REQUEST_COUNT && json_is_object(r.object));
    must(may_change || !changes[r.kind]);
    must(request_text(&r, "command") != NULL);
    for (const char *const *name =
             (const char *const[]){"name", "check", "runbook", NULL};
         *name != NULL; name++) {
        const char *text = request_text(&r, *name);
        must(text == NULL || strlen(text) <= n);
    }
    ask_for_words(&r, n);
    request_fini(&r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *at = (const char *)data, *end = at + size;
    while (at < end) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        size_t n = (size_t)((newline == NULL ? end : newline) - at);
        ask(at, n, false);
        ask(at, n, true);
        at += n + (newline != NULL);
    }
    return 0;
}
