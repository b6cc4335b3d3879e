/* kit/memory.c: memory that does not fail, for plugins, libcurl and OpenSSL.
 *
 * Where an allocation of theirs fails, libcurl 7.88 now and then crashes, waits
 * for a socket that it has forgotten, or says that the peer closed the
 * connection, and a healthy target is accused. So none fails: whoever has no
 * memory ends, as anywhere in a worker (rlv_host.alloc), and the next worker
 * begins anew. Called by init() of the plugins, and by both libraries for every
 * piece of memory. */
#include "kit/init.h"

#include <curl/curl.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

const struct rlv_host *kit_host;

/* The host ends the worker when it has no memory either; where it had some,
 * somebody gave it back in between, and there is enough for us, too. */
static void ask_host(size_t size)
{
    if (!kit_host) /* settings are being validated, outside of a worker */
        abort();
    (void)kit_host->alloc(kit_host->worker_scope(), size);
}

void *kit_malloc(size_t size)
{
    void *p;
    while (!(p = malloc(size)) && size)
        ask_host(size);
    return p;
}

void *kit_calloc(size_t count, size_t size)
{
    void *p;
    while (!(p = calloc(count, size)) && count && size)
        ask_host(count > SIZE_MAX / size ? SIZE_MAX / 2 : count * size);
    return p;
}

void *kit_realloc(void *old, size_t size)
{
    void *p;
    while (!(p = realloc(old, size)) && size)
        ask_host(size);
    return p;
}

char *kit_strdup(const char *text)
{
    size_t size = strlen(text) + 1;
    return memcpy(kit_malloc(size), text, size);
}

/* OpenSSL says where it wants memory, and never asks for none. */
static void *get_at(size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    return kit_malloc(size);
}

static void *resize_at(void *old, size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    return kit_realloc(old, size);
}

static void free_at(void *p, const char *file, int line)
{
    (void)file;
    (void)line;
    free(p);
}

int kit_init(const struct rlv_host *host)
{
    static bool ready;
    kit_host = host;
    if (!ready) {
        /* Refused where another plugin of this worker has used it before. */
        (void)CRYPTO_set_mem_functions(get_at, resize_at, free_at);
        ready = curl_global_init_mem(CURL_GLOBAL_DEFAULT, kit_malloc, free,
                                     kit_realloc, kit_strdup,
                                     kit_calloc) == CURLE_OK;
    }
    return ready ? 0 : -1;
}
