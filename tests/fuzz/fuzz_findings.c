/* Whatever a script writes on descriptor 3, and whatever stands in an
 * outcome.json: no crash, an error that says something, and no secret comes
 * through, wherever the text was cut into chunks. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/redact.h"
#include "model/finding.h"
#include "model/outcome.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void parse_as_finding(const char *text, size_t n)
{
    struct err err = {0};
    json_t *finding = finding_parse(text, n, &err);
    must(finding != NULL || err.text[0] != '\0');
    if (finding == NULL)
        finding = finding_malformed(err.text, text, n);
    char *dump = json_dumps(finding, JSON_COMPACT);
    must(dump != NULL);
    free(dump);
    json_decref(finding);
}

static void read_by_main(const char *text, size_t n)
{
    struct arena *arena = arena_new();
    struct run_outcome o;
    struct err err = {0};
    bool ok = outcome_parse(text, n, &o, arena, &err);
    must(ok || err.text[0] != '\0');
    (void)finding_weightiest(arena_strndup(arena, text, n), arena);
    arena_free(arena);
}

static void redact_in_chunks(const char *text, size_t n, size_t step)
{
    static const char *const values[] = {"hunter2", "s3cr3t/\"value\"", "er2s"};
    struct redact *r = redact_new(values, ARRAY_LEN(values));
    struct redact_stream s = {.redact = r};
    struct buf whole = {0}, parts = {0};
    redact_text(r, text, n, &whole);
    for (size_t i = 0; i < n; i += step)
        redact_stream_add(&s, text + i, n - i < step ? n - i : step, &parts);
    redact_stream_end(&s, &parts);
    must(parts.len == whole.len &&
         memcmp(buf_text(&parts), buf_text(&whole), whole.len) == 0);
    must(!redact_finds(r, buf_text(&whole), whole.len));
    buf_free(&whole);
    buf_free(&parts);
    redact_free(r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    const char *text = (const char *)data + 1;
    parse_as_finding(text, size - 1);
    read_by_main(text, size - 1);
    redact_in_chunks(text, size - 1, 1 + data[0] * 4u);
    return 0;
}
