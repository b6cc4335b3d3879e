/* All decoders of core/wire: the first byte chooses the message. What is
 * accepted must encode to something that is accepted, too, and stays the same
 * from then on. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../lib/wire_again.h"
#include "base/err.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static wire_again_fn *const decoders[] = {
#define X(name) again_##name,
    AGAIN_MAP(X)
#undef X
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    if (n == 0)
        return 0;
    wire_again_fn *again = decoders[data[0] % ARRAY_LEN(decoders)];
    struct arena *arena = arena_new();
    struct buf one = {0}, two = {0};
    if (again(data + 1, n - 1, arena, &one)) {
        must(again(buf_text(&one), one.len, arena, &two));
        must(one.len == two.len);
        must(one.len == 0 || memcmp(one.data, two.data, one.len) == 0);
    }
    buf_free(&one);
    buf_free(&two);
    arena_free(arena);
    return 0;
}
