/* kit/head.c: the head of an HTTP answer, line by line; the words for its
 * status. Pure; called by the http and websocket plugins. */
#include "kit/head.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

bool kit_header_next(const char *head, size_t len, size_t *at,
                     struct kit_header *header)
{
    while (*at < len) {
        const char *line = head + *at;
        const char *end = memchr(line, '\n', len - *at);
        size_t n = end ? (size_t)(end - line) : len - *at;
        *at += n + 1;
        const char *colon = memchr(line, ':', n);
        if (!colon || colon == line || !memcmp(line, "HTTP/", 5))
            continue;
        const char *value = colon + 1, *stop = line + n;
        while (stop > value &&
               (stop[-1] == '\r' || stop[-1] == ' ' || stop[-1] == '\t'))
            stop--;
        while (value < stop && (*value == ' ' || *value == '\t'))
            value++;
        *header = (struct kit_header){line, value, (size_t)(colon - line),
                                      (size_t)(stop - value)};
        return true;
    }
    return false;
}

bool kit_header_same(const struct kit_header *a, const struct kit_header *b)
{
    return a->name_len == b->name_len &&
           !strncasecmp(a->name, b->name, a->name_len);
}

bool kit_header_is(const struct kit_header *header, const char *name)
{
    return header->name_len == strlen(name) &&
           !strncasecmp(header->name, name, header->name_len);
}

size_t kit_head_hide_cookies(char *head, size_t len)
{
    struct kit_header header;
    for (size_t at = 0; kit_header_next(head, len, &at, &header);) {
        if (!kit_header_is(&header, "set-cookie"))
            continue;
        size_t keep = header.value_len < 3 ? header.value_len : 3;
        size_t value = (size_t)(header.value - head);
        size_t cut = header.value_len - keep;
        memset(head + value, '*', keep);
        memmove(head + value + keep, head + value + header.value_len,
                len - value - header.value_len);
        len -= cut;
        at -= cut;
    }
    return len;
}

/* A field name is a token (RFC 9110 section 5.1); a line break in a value
 * would begin a header of its own. */
const char *kit_header_flaw(const struct rlv_pair *header)
{
    static const char token[] = "abcdefghijklmnopqrstuvwxyz"
                                "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                "0123456789!#$%&'*+-.^_`|~";
    const char *name = header->key;
    if (!*name || name[strspn(name, token)])
        return "is not a header name";
    if (strpbrk(header->value, "\r\n"))
        return "has a line break in its value";
    return NULL;
}

const char *kit_broken_text(const struct rlv_pair *texts, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (texts[i].value && strpbrk(texts[i].value, "\r\n"))
            return texts[i].key;
    return NULL;
}

bool kit_auth_validate(const char *username, const char *password,
                       const char *bearer, const char **option, char *why,
                       size_t size)
{
    if (bearer && username) {
        *option = "bearer";
        snprintf(why, size, "bearer and username exclude each other");
        return false;
    }
    if (password && !username) {
        *option = "password";
        snprintf(why, size, "password without username");
        return false;
    }
    return true;
}

const char *kit_status_text(long status)
{
    // clang-format off
    static const struct { long status; const char *text; } table[] = {
        {200, "OK"},                    {301, "Moved Permanently"},
        {302, "Found"},                 {303, "See Other"},
        {307, "Temporary Redirect"},    {308, "Permanent Redirect"},
        {400, "Bad Request"},           {401, "Unauthorized"},
        {402, "Payment Required"},      {403, "Forbidden"},
        {404, "Not Found"},             {405, "Method Not Allowed"},
        {406, "Not Acceptable"},        {408, "Request Timeout"},
        {409, "Conflict"},              {410, "Gone"},
        {411, "Length Required"},       {413, "Content Too Large"},
        {414, "URI Too Long"},          {415, "Unsupported Media Type"},
        {421, "Misdirected Request"},   {422, "Unprocessable Content"},
        {423, "Locked"},                {425, "Too Early"},
        {426, "Upgrade Required"},      {429, "Too Many Requests"},
        {431, "Request Header Fields Too Large"},
        {451, "Unavailable For Legal Reasons"},
        {500, "Internal Server Error"}, {501, "Not Implemented"},
        {502, "Bad Gateway"},           {503, "Service Unavailable"},
        {504, "Gateway Timeout"},       {505, "HTTP Version Not Supported"},
        {507, "Insufficient Storage"},
    };
    // clang-format on
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (table[i].status == status)
            return table[i].text;
    return status < 400   ? "(no error)"
           : status < 500 ? "(client error)"
                          : "(server error)";
}

enum rlv_fault kit_status_fault(long status)
{
    return status == 401   ? RLV_F_AUTH
           : status == 403 ? RLV_F_FORBIDDEN
           : status == 429 ? RLV_F_OVERLOADED
                           : RLV_F_ERROR_RESPONSE;
}
