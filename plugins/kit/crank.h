/* kit/crank.h: a libcurl multi handle on the worker's loop.
 *
 * A plugin opens a crank of its own (one of two plugins' would hide from the
 * black box whose callback is at work); it ends with the plugin's scope in the
 * worker. Easy handles are turned in it until they are removed: a finished one
 * stays in, because a CONNECT_ONLY connection lives only as long as that. */
#ifndef KIT_CRANK_H
#define KIT_CRANK_H

#include <curl/curl.h>

#include "kit/init.h"

struct kit_crank;

/* An easy handle in a crank; a member of what its user keeps for it. */
struct kit_transfer {
    CURL *easy;
    struct rlv_probe *probe; /* that it serves; NULL: none in particular */
    /* It is finished. May remove it, and end the probe. */
    void (*on_done)(struct kit_transfer *, CURLcode);
    struct kit_crank *crank; /* read-only; NULL: it is in none */
};

/* NULL: out of memory. */
KIT_EXPORT struct kit_crank *kit_crank_open(void);

/* Puts it in and turns the crank: on_done may have been called on return. The
 * easy handle's CURLOPT_PRIVATE is the crank's. False: libcurl refuses. */
KIT_EXPORT bool kit_crank_add(struct kit_crank *, struct kit_transfer *);

/* Takes it out, if it is in; at any time but in one of libcurl's callbacks. */
KIT_EXPORT void kit_crank_remove(struct kit_transfer *);

#endif
