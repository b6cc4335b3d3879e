/* kit/memory.c: see memory.h. Called by init() of the plugins, and by libcurl
 * and OpenSSL for every piece of memory. */
#include "kit/memory.h"

#include <curl/curl.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

static const struct rlv_host *host;

/* The host ends the worker when it has no memory either; where it had some,
 * somebody gave it back in between, and there is enough for us, too. */
static void ask_host(size_t size)
{
    (void)host->alloc(host->worker_scope(), size);
}

static void *get(size_t size)
{
    void *p;
    while (!(p = malloc(size)) && size)
        ask_host(size);
    return p;
}

static void *get_zeroed(size_t count, size_t size)
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

static char *copy(const char *text)
{
    size_t size = strlen(text) + 1;
    return memcpy(get(size), text, size);
}

/* OpenSSL says where it wants memory, and never asks for none. */
static void *get_at(size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    return get(size);
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

bool kit_memory_init(const struct rlv_host *with)
{
    static bool ready;
    host = with;
    if (!ready) {
        /* Refused where another plugin of this worker has used it before. */
        (void)CRYPTO_set_mem_functions(get_at, resize_at, free_at);
        ready = curl_global_init_mem(CURL_GLOBAL_DEFAULT, get, free,
                                     kit_realloc, copy, get_zeroed) == CURLE_OK;
    }
    return ready;
}
