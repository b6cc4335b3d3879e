/* expect/words.c: the tables of operators, functions and type names, and what
 * people write instead of them. Help, docs and error texts come from here. */
#include <string.h>

#include "base/str.h"
#include "expect/tree.h"

static const struct expect_word operators[] = {
    {"==", "status == 200", "equal"},
    {"!=", "role != 'replica'", "there, and not equal"},
    {"<", "latency < 500ms", "less; texts: digits in them count as numbers"},
    {"<=", "queue <= 10", "less or equal"},
    {">", "cert_expiry > 14d", "more"},
    {">=", "version >= '7.2'", "more or equal"},
    {"~", "body ~ /ready|ok/i", "the regex matches somewhere in it"},
    {"!~", "body !~ /error/", "there, and the regex matches nowhere"},
    {"in", "status in [200, 204, 300..399]", "one of a list, or in a range"},
    {"contains", "body contains 'ok'", "has that text, or list item, in it"},
    {"starts_with", "header('server') starts_with 'nginx'", "begins with it"},
    {"ends_with", "host ends_with '.internal'", "ends with it"},
    {"exists", "exists header('etag')", "it was observed at all"},
    {"not", "not (status == 404)", "the opposite; also not in, not contains"},
    {"and", "status == 200 and latency < 1s", "both; binds more than or"},
    {"or", "status == 200 or status == 204", "at least one"},
};

/* In the order of enum operator. */
static const char *const operator_names[] = {
    "==", "!=", "<",        "<=",          ">",        ">=",
    "~",  "in", "contains", "starts_with", "ends_with"};

static const struct function functions[] = {
    {{"json", "json('.components.db.status')",
      "a value out of the body, which is JSON; absent if it is not there"},
     FUNCTION_JSON,
     1,
     1,
     TYPE_JSON},
    {{"len", "len(body) < 1MiB",
      "bytes of a text or body, items of a JSON list or object"},
     FUNCTION_LEN,
     1,
     1,
     TYPE_COUNT},
    {{"lower", "lower(header('server')) contains 'nginx'",
      "the text with A-Z as a-z"},
     FUNCTION_LOWER,
     1,
     1,
     TYPE_TEXT},
    {{"age", "age(json('.updated_at')) < 5m", "time since then, as a duration"},
     FUNCTION_AGE,
     1,
     1,
     TYPE_DURATION},
    {{"within", "within(queue, '~:100')",
      "a Nagios range would not alert; in seconds, bytes or percent"},
     FUNCTION_WITHIN,
     2,
     2,
     TYPE_BOOL},
    {{"p50", "p50(latency, 7d)", "the median over that time"},
     FUNCTION_HISTORY,
     2,
     2,
     TYPE_NONE},
    {{"p90", "p90(latency, 7d)", "nine of ten were at most that"},
     FUNCTION_HISTORY,
     2,
     2,
     TYPE_NONE},
    {{"p95", "p95(latency, 7d)", "19 of 20 were at most that"},
     FUNCTION_HISTORY,
     2,
     2,
     TYPE_NONE},
    {{"p99", "p99(latency, 7d)", "99 of 100 were at most that"},
     FUNCTION_HISTORY,
     2,
     2,
     TYPE_NONE},
    {{"avg", "avg(latency, 1h)", "the mean over that time"},
     FUNCTION_HISTORY,
     2,
     2,
     TYPE_NONE},
    {{"min", "min(latency, 1h)", "the least over that time"},
     FUNCTION_HISTORY,
     2,
     2,
     TYPE_NONE},
    {{"max", "max(latency, 1h)", "the most over that time"},
     FUNCTION_HISTORY,
     2,
     2,
     TYPE_NONE},
    {{"count", "count(restarts, 1h)", "how often it was observed"},
     FUNCTION_HISTORY,
     2,
     2,
     TYPE_COUNT},
    {{"prev", "restarts == prev(restarts)", "the value of the result before"},
     FUNCTION_HISTORY,
     1,
     1,
     TYPE_NONE},
    {{"delta", "delta(restarts) == 0", "the growth since the result before"},
     FUNCTION_HISTORY,
     1,
     2,
     TYPE_NONE},
    {{"rate", "rate(errors) < 5", "the growth per second"},
     FUNCTION_HISTORY,
     1,
     2,
     TYPE_REAL},
};

static const char *const meanings[][2] = {
    {"=", "=="},
    {"===", "=="},
    {"&&", "and"},
    {"&", "and"},
    {"||", "or"},
    {"|", "or"},
    {"!", "not"},
    {"=~", "~"},
    {"~=", "~"},
    {"<>", "!="},
    {"!==", "!="},
    {"=<", "<="},
    {"=>", ">="},
    {"==~", "~"},
    {"=!", "!="},
    {"matches", "~"},
    {"match", "~"},
    {"like", "~"},
    {"is", "=="},
    {"eq", "=="},
    {"equals", "=="},
    {"ne", "!="},
    {"lt", "<"},
    {"le", "<="},
    {"gt", ">"},
    {"ge", ">="},
    {"includes", "contains"},
    {"has", "contains"},
    {"contain", "contains"},
    {"startswith", "starts_with"},
    {"endswith", "ends_with"},
    {"begins_with", "starts_with"},
    {"AND", "and"},
    {"OR", "or"},
    {"NOT", "not"},
    {"IN", "in"},
};

static const char *const type_names[] = {
    [TYPE_NONE] = "nothing",
    [TYPE_BOOL] = "true or false",
    [TYPE_INT] = "a number",
    [TYPE_REAL] = "a number",
    [TYPE_DURATION] = "a duration",
    [TYPE_SIZE] = "a size",
    [TYPE_PERCENT] = "a percentage",
    [TYPE_TIME] = "a time",
    [TYPE_TEXT] = "a text",
    [TYPE_BODY] = "a body",
    [TYPE_MAP] = "a map",
    [TYPE_ANY] = "of any type",
    [TYPE_COUNT] = "a number",
    [TYPE_JSON] = "a JSON value",
    [TYPE_TREE] = "a JSON list or object",
    [TYPE_LIST] = "a list",
    [TYPE_RANGE] = "a range",
    [TYPE_REGEX] = "a regex",
};

const char *type_words(enum type type) { return type_names[type]; }

const struct expect_word *expect_operator_at(size_t i)
{
    return i < ARRAY_LEN(operators) ? &operators[i] : NULL;
}

const struct expect_word *expect_function_at(size_t i)
{
    return i < ARRAY_LEN(functions) ? &functions[i].word : NULL;
}

const char *operator_name(enum operator op) { return operator_names[op]; }

bool operator_of_word(const char *word, enum operator* op)
{
    for (size_t i = OP_IN; i < ARRAY_LEN(operator_names); i++)
        if (strcmp(word, operator_names[i]) == 0) {
            *op = (enum operator)i;
            return true;
        }
    return false;
}

const char *operator_meant(const char *word)
{
    for (size_t i = 0; i < ARRAY_LEN(meanings); i++)
        if (strcmp(word, meanings[i][0]) == 0)
            return meanings[i][1];
    return NULL;
}

const struct function *function_find(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(functions); i++)
        if (strcmp(name, functions[i].word.name) == 0)
            return &functions[i];
    return NULL;
}

static const char *nth_function(const void *arg, size_t i)
{
    (void)arg;
    return i < ARRAY_LEN(functions) ? functions[i].word.name : NULL;
}

const char *function_suggest(const char *name)
{
    return str_nearest(name, nth_function, NULL);
}

bool expect_is_reserved(const char *word)
{
    for (size_t i = 0; i < ARRAY_LEN(operators); i++)
        if (strcmp(word, operators[i].name) == 0)
            return true;
    return strcmp(word, "true") == 0 || strcmp(word, "false") == 0;
}
