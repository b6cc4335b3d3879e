/* kit/head.h: the head of an HTTP answer, and what its status stands for:
 * shared by what speaks HTTP, and by what begins with it (WebSocket). */
#ifndef KIT_HEAD_H
#define KIT_HEAD_H

#include <relevo/plugin.h>

#include "kit/certs.h"

/* Points into the head; not NUL-ended. */
struct kit_header {
    const char *name, *value;
    size_t name_len, value_len;
};

/* The next "name: value" line at or after *at; lines that are none, such as
 * the status line, are passed over. */
KIT_EXPORT bool kit_header_next(const char *head, size_t len, size_t *at,
                                struct kit_header *);
KIT_EXPORT bool kit_header_same(const struct kit_header *,
                                const struct kit_header *);
KIT_EXPORT bool kit_header_is(const struct kit_header *, const char *name);

/* Blots out the values of cookies, in place; the new length. */
KIT_EXPORT size_t kit_head_hide_cookies(char *head, size_t len);

/* NULL: the header may be sent; else what is wrong with it. */
KIT_EXPORT const char *kit_header_flaw(const struct rlv_pair *);

/* The key of the first text, none of them a must, with a line break in it. */
KIT_EXPORT const char *kit_broken_text(const struct rlv_pair *, size_t count);

/* Options for Authorization that fit together. False: *option and why are
 * filled, as for rlv_plugin.validate. */
KIT_EXPORT bool kit_auth_validate(const char *username, const char *password,
                                  const char *bearer, const char **option,
                                  char *why, size_t size);

/* "Bad Gateway" */
KIT_EXPORT const char *kit_status_text(long status);
/* The fault of a status from 400 on. */
KIT_EXPORT enum rlv_fault kit_status_fault(long status);

#endif
