/* kit/init.h: what the kit's files share: the host, and how its functions are
 * shown to plugins. */
#ifndef KIT_INIT_H
#define KIT_INIT_H

#include <relevo/plugin.h>

#define KIT_EXPORT __attribute__((visibility("default")))

/* To be called in a plugin's init(), which returns the same: 0, or what is
 * wrong. */
KIT_EXPORT int kit_init(const struct rlv_host *);

/* As those of the C library, and to be given to free(), but never NULL where
 * something was asked for: without memory the worker ends (memory.c). */
KIT_EXPORT void *kit_malloc(size_t);
KIT_EXPORT void *kit_calloc(size_t count, size_t size);
KIT_EXPORT void *kit_realloc(void *, size_t);
KIT_EXPORT char *kit_strdup(const char *);

/* The host of this worker; seen by the kit's own files only. */
extern const struct rlv_host *kit_host;

#endif
