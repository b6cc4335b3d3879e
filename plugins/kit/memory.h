/* kit/memory.h: libcurl and OpenSSL without memory.
 *
 * Where an allocation of theirs fails, libcurl 7.88 now and then crashes, waits
 * for a socket that it has forgotten, or says that the peer closed the
 * connection, and a healthy target is accused. So none fails: whoever has no
 * memory ends, as anywhere in a worker (rlv_host.alloc), and the next worker
 * begins anew.
 *
 * One thread only, as everything in a worker. */
#ifndef KIT_MEMORY_H
#define KIT_MEMORY_H

#include <relevo/plugin.h>

#include "kit/certs.h"

/* Makes both libraries ready; to be called once, in a plugin's init(), before
 * either is used. False: they are not. */
KIT_EXPORT bool kit_memory_init(const struct rlv_host *);

/* As realloc(), but never NULL: without memory the worker ends. */
KIT_EXPORT void *kit_realloc(void *, size_t);

#endif
