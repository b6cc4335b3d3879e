/* tests/fuzz/fuzz_dns.c: any bytes as an answer of a DNS server: the first two
 * are the type that was asked for, if it is one that the plugin knows. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "dns/dns.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const int types[] = {
#define X(name, number) number,
        DNS_TYPE_MAP(X)
#undef X
    };
    struct message message;
    if (size < 2)
        return 0;
    int type = types[data[0] % (sizeof types / sizeof *types)];
    if (message_read(&message, data + 2, size - 2, type))
        for (size_t i = 1; i < message.count; i++)
            if (strcmp(message.answers[i - 1], message.answers[i]) > 0)
                abort(); /* not sorted */
    message_fini(&message);
    return 0;
}
