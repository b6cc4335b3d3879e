/* http/lane.c: which crank (kit/crank.h) a transfer is turned by, and the easy
 * handles.
 *
 * Owns the lanes (a crank each; nearly always there is one) and the pool of
 * handles' buffers. All hang on the worker's scope. Called by fetch.c.
 *
 * Happy path: lane_start() puts an easy handle into the lane's crank, which
 * hands it to fetch_transferred() when it has finished. A probe that ends early
 * calls lane_stop(), at any time outside of libcurl's callbacks. */
#include "http/http.h"

#include <stdlib.h>
#include <string.h>

#define POOL_MAX    64 /* idle handles */
#define BUFFER_KEEP (64 * 1024)

struct lane {
    struct lane *next;
    struct kit_crank *crank;
    char ca_file[];
};

static struct lane *lanes;
static struct handle *pool;
static size_t pool_count;

/* ----------------------------------------------------------------- lanes - */

static void lanes_forget(void *arg)
{
    (void)arg;
    lanes = NULL;
}

static void handle_free(struct handle *handle)
{
    free(handle->head.at);
    free(handle->body.at);
    free(handle);
}

static void pool_close(void *arg)
{
    (void)arg;
    while (pool) {
        struct handle *handle = pool;
        pool = handle->next;
        pool_count--;
        handle_free(handle);
    }
}

static struct lane *lane_open(const char *ca_file)
{
    size_t len = strlen(ca_file) + 1;
    struct rlv_scope *scope = http_host->worker_scope();
    if (!lanes) {
        http_host->defer(scope, pool_close, NULL);
        http_host->defer(scope, lanes_forget, NULL);
    }
    struct lane *lane = http_host->alloc(scope, sizeof *lane + len);
    lane->crank = kit_crank_open();
    if (!lane->crank)
        return NULL;
    memcpy(lane->ca_file, ca_file, len);
    lane->next = lanes;
    lanes = lane;
    return lane;
}

struct lane *lane_for(const char *ca_file)
{
    if (!ca_file)
        ca_file = "";
    for (struct lane *lane = lanes; lane; lane = lane->next)
        if (strcmp(lane->ca_file, ca_file) == 0)
            return lane;
    return lane_open(ca_file);
}

static void on_done(struct kit_transfer *transfer, CURLcode code)
{
    struct fetch *fetch = ((struct handle *)(void *)transfer)->fetch;
    lane_stop(fetch);
    fetch_transferred(fetch, code);
}

bool lane_start(struct lane *lane, struct fetch *fetch)
{
    struct kit_transfer *transfer = &fetch->handle->transfer;
    transfer->probe = fetch->probe;
    transfer->on_done = on_done;
    return kit_crank_add(lane->crank, transfer);
}

void lane_stop(struct fetch *fetch)
{
    if (fetch->handle)
        kit_crank_remove(&fetch->handle->transfer);
}

/* ------------------------------------------------------------------ pool - */

struct handle *handle_take(struct fetch *fetch)
{
    struct handle *handle = pool;
    if (handle) {
        pool = handle->next;
        pool_count--;
    } else {
        handle = kit_calloc(1, sizeof *handle);
    }
    handle->next = NULL;
    handle->fetch = fetch;
    return handle;
}

/* libcurl 7.88 keeps, from one transfer of an easy handle to the next, where
 * the last header was, and frees that: an answer whose first header line begins
 * with a blank continues it. So each transfer gets an easy handle of its own;
 * it costs 2 µs. */
bool handle_renew(struct handle *handle)
{
    curl_easy_cleanup(handle->transfer.easy);
    handle->transfer.easy = curl_easy_init();
    return handle->transfer.easy != NULL;
}

static void bytes_trim(struct bytes *bytes)
{
    if (bytes->size > BUFFER_KEEP) {
        free(bytes->at);
        *bytes = (struct bytes){0};
    }
    bytes->len = 0;
}

void handle_give(struct handle *handle)
{
    handle->fetch = NULL;
    handle->transfer.probe = NULL;
    curl_easy_cleanup(handle->transfer.easy);
    handle->transfer.easy = NULL;
    bytes_trim(&handle->head);
    bytes_trim(&handle->body);
    if (pool_count >= POOL_MAX) {
        handle_free(handle);
        return;
    }
    handle->next = pool;
    pool = handle;
    pool_count++;
}
