/* base/sha256.c: see sha256.h. */
#include "base/sha256.h"

#include <errno.h>
#include <nettle/sha2.h>
#include <stdint.h>
#include <unistd.h>

static void finish(struct sha256_ctx *ctx, char out[SHA256_TEXT])
{
    static const char digits[] = "0123456789abcdef";
    uint8_t sum[SHA256_DIGEST_SIZE];
    sha256_digest(ctx, sizeof sum, sum);
    for (size_t i = 0; i < sizeof sum; i++) {
        out[2 * i] = digits[sum[i] >> 4];
        out[2 * i + 1] = digits[sum[i] & 15];
    }
    out[SHA256_TEXT - 1] = '\0';
}

void sha256_hex(const void *bytes, size_t n, char out[SHA256_TEXT])
{
    struct sha256_ctx ctx;
    sha256_init(&ctx);
    sha256_update(&ctx, n, bytes);
    finish(&ctx, out);
}

bool sha256_fd(int fd, char out[SHA256_TEXT], struct err *err)
{
    struct sha256_ctx ctx;
    uint8_t chunk[16384];
    off_t at = 0;
    sha256_init(&ctx);
    for (;;) {
        ssize_t n = pread(fd, chunk, sizeof chunk, at);
        if (n == 0)
            break;
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_set(err, ERR_IO, errno, "reading");
        sha256_update(&ctx, (size_t)n, chunk);
        at += n;
    }
    finish(&ctx, out);
    return true;
}
