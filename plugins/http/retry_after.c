/* http/retry_after.c: when a server that has no time asks to be asked again:
 * the header Retry-After (RFC 9110 section 10.2.3), seconds or a date. Pure,
 * but for what it observes; called by answer.c. */
#include "http/http.h"

#include <ctype.h>
#include <string.h>
#include <time.h>

#define SECOND 1000000000ll /* nanoseconds */
#define MOST_S 3153600000ll /* a hundred years: nobody means more */

int64_t retry_after_s(const char *text, size_t len, int64_t now_s)
{
    char copy[64];
    int64_t after_s = 0;
    if (!len || len >= sizeof copy)
        return -1;
    memcpy(copy, text, len);
    copy[len] = '\0';
    if (strspn(copy, "0123456789") == len) {
        for (size_t i = 0; i < len && after_s <= MOST_S; i++)
            after_s = after_s * 10 + (copy[i] - '0');
    } else {
        /* A date begins with the day of the week. */
        time_t when = isalpha((unsigned char)copy[0]) && strchr(copy, ':')
                          ? curl_getdate(copy, NULL)
                          : -1;
        if (when < 0)
            return -1;
        after_s = (int64_t)when > now_s ? (int64_t)when - now_s : 0;
    }
    return after_s < MOST_S ? after_s : MOST_S;
}

void retry_after_observe(struct fetch *fetch)
{
    size_t len;
    const char *value = answer_header(fetch, "retry-after", &len);
    int64_t after_s =
        value ? retry_after_s(value, len, (int64_t)time(NULL)) : -1;
    if (after_s >= 0)
        http_host->observe(fetch->probe, FIELD_RETRY_AFTER,
                           rlv_duration(after_s * SECOND));
}
