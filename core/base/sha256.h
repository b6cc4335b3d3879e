/* base/sha256.h: SHA-256 as hexadecimal text, by nettle. */
#ifndef RELEVO_BASE_SHA256_H
#define RELEVO_BASE_SHA256_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

#define SHA256_TEXT 65

void sha256_hex(const void *bytes, size_t n, char out[SHA256_TEXT]);
/* Of a whole file, from an open descriptor's beginning. */
bool sha256_fd(int fd, char out[SHA256_TEXT], struct err *) MUST_CHECK;

#endif
