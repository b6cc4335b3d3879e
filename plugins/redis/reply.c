/* redis/reply.c: hiredis' reader within limits, and what replies mean.
 *
 * hiredis believes what a peer announces: "*2147483647" makes it reserve 16
 * GiB. So items are counted while arrays are made, and bytes while they are
 * fed; a reply beyond either limit ends the reading. Pure; called by session.c
 * and the operations. */
#include "redis/reply.h"

#include <stdlib.h>
#include <string.h>

#include "kit/init.h"

#define WORD(text) (text), sizeof(text) - 1

/* ------------------------------------------------------------------ reader */

static void *(*make_array)(const redisReadTask *, int); /* hiredis' own */

static void *make_limited(const redisReadTask *task, int items)
{
    struct reader *reader = task->privdata;
    reader->items += (size_t)(items > 0 ? items : 0);
    reader->large = reader->items > reader->max_items;
    return reader->large ? NULL : make_array(task, items);
}

void reader_init(struct reader *reader, size_t max_bytes, size_t max_items)
{
    reader_fini(reader);
    *reader = (struct reader){.max_bytes = max_bytes, .max_items = max_items};
    while (!(reader->own = redisReaderCreate()))
        free(kit_malloc(sizeof *reader->own)); /* or the worker ends */
    reader->functions = *reader->own->fn;
    make_array = reader->functions.createArray;
    reader->functions.createArray = make_limited;
    reader->own->fn = &reader->functions;
    reader->own->privdata = reader;
}

void reader_fini(struct reader *reader)
{
    if (reader->own)
        redisReaderFree(reader->own);
    reader->own = NULL;
}

void reader_feed(struct reader *reader, const void *bytes, size_t n)
{
    reader->bytes += n;
    redisReaderFeed(reader->own, bytes, n);
}

/* The length of the string that is being waited for; 0: none is. hiredis has
 * read the type already and waits at the digits for the whole of it. */
static size_t announced(const redisReader *own)
{
    const char *at = own->buf + own->pos;
    size_t left = own->len - own->pos;
    const char *end = left ? memchr(at, '\r', left) : NULL;
    bool string =
        own->ridx >= 0 && own->rstack[own->ridx].type == REDIS_REPLY_STRING;
    return string && end && *at != '-' ? strtoull(at, NULL, 10) : 0;
}

enum reader_state reader_next(struct reader *reader, redisReply **reply)
{
    redisReader *own = reader->own;
    void *object = NULL;
    *reply = NULL;
    if (redisReaderGetReply(own, &object) != REDIS_OK)
        return reader->large               ? READER_LARGE
               : own->err == REDIS_ERR_OOM ? READER_SHORT
                                           : READER_BROKEN;
    if (!object) {
        reader->large = reader->bytes > reader->max_bytes ||
                        announced(own) > reader->max_bytes;
        return reader->large ? READER_LARGE : READER_EMPTY;
    }
    size_t left = own->len - own->pos; /* of the next one */
    reader->large = reader->bytes - left > reader->max_bytes;
    reader->bytes = left;
    reader->items = 0;
    if (!reader->large)
        *reply = object;
    else
        freeReplyObject(object);
    return reader->large ? READER_LARGE : READER_REPLY;
}

const char *reader_error(const struct reader *reader)
{
    return reader->own->errstr;
}

/* ----------------------------------------------------------------- verdict */

static bool begins(const redisReply *reply, const char *text, size_t len)
{
    return reply->len >= len && memcmp(reply->str, text, len) == 0;
}

/* The codes that Redis documents or its source sends, where the fault is not
 * error_response. "ERR max number of clients reached" has no code of its own;
 * hosted servers say "ERR max daily request limit exceeded" and such. */
static const struct {
    const char *word;
    size_t len;
    enum rlv_fault fault;
} verdicts[] = {
    {WORD("NOAUTH"), RLV_F_AUTH},
    {WORD("WRONGPASS"), RLV_F_AUTH},
    {WORD("NOPERM"), RLV_F_FORBIDDEN},
    {WORD("DENIED"), RLV_F_FORBIDDEN}, /* protected mode */
    {WORD("LOADING"), RLV_F_STARTING},
    {WORD("READONLY"), RLV_F_READONLY},
    {WORD("OOM"), RLV_F_OVERLOADED},
    {WORD("ERR max "), RLV_F_OVERLOADED},
};

struct verdict verdict_of(const redisReply *error)
{
    struct verdict verdict = {RLV_F_ERROR_RESPONSE, "ERR"};
    for (size_t i = 0; i < sizeof verdicts / sizeof *verdicts; i++) {
        if (begins(error, verdicts[i].word, verdicts[i].len)) {
            verdict.fault = verdicts[i].fault;
            break;
        }
    }
    size_t n = 0;
    while (n < error->len && n + 1 < sizeof verdict.code &&
           ((error->str[n] >= 'A' && error->str[n] <= 'Z') ||
            error->str[n] == '_'))
        n++;
    if (n > 1 && (n == error->len || error->str[n] == ' ')) {
        memcpy(verdict.code, error->str, n);
        verdict.code[n] = '\0';
    }
    return verdict;
}

static bool contains(const redisReply *reply, const char *text)
{
    return memmem(reply->str, reply->len, text, strlen(text)) != NULL;
}

bool verdict_is_refusal(const redisReply *error)
{
    static const char *const words[] = {"unknown command", "unknown subcommand",
                                        "not available",   "not supported",
                                        "unsupported",     "not allowed",
                                        "not permitted"};
    if (error->type != REDIS_REPLY_ERROR)
        return false;
    if (begins(error, WORD("NOPERM")))
        return true;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (begins(error, WORD("ERR ")) && contains(error, words[i]))
            return true;
    return false;
}

size_t error_shown(const redisReply *error)
{
    const char *args = memmem(error->str, error->len, WORD(", with args"));
    size_t n = args ? (size_t)(args - error->str) : error->len;
    return n < ERROR_SHOWN ? n : ERROR_SHOWN;
}

const char *reply_type(const redisReply *reply)
{
    static const char *const names[] = {
        [REDIS_REPLY_STRING] = "string",   [REDIS_REPLY_ARRAY] = "array",
        [REDIS_REPLY_INTEGER] = "integer", [REDIS_REPLY_NIL] = "nil",
        [REDIS_REPLY_STATUS] = "status",   [REDIS_REPLY_ERROR] = "error"};
    return names[reply->type];
}

bool reply_is(const redisReply *reply, const char *text)
{
    return (reply->type == REDIS_REPLY_STATUS ||
            reply->type == REDIS_REPLY_STRING) &&
           reply->len == strlen(text) && !memcmp(reply->str, text, reply->len);
}
