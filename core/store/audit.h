/* store/audit.h: the hash chain of the audit.
 *
 * hash = SHA-256, as 64 hexadecimal digits, over: the previous row's hash ("",
 * nothing, for the first), a line feed, and then each of node, id, at_us,
 * actor, action, object, detail as "LENGTH:VALUE\n"; numbers in decimal, the
 * length in bytes, "-\n" alone for NULL. */
#ifndef RELEVO_STORE_AUDIT_H
#define RELEVO_STORE_AUDIT_H

#include <stdint.h>

#include "base/sha256.h"
#include "model/record.h"

void audit_hash(const char *previous, uint16_t node, uint64_t id,
                const struct audit_row *, char out[SHA256_TEXT]);

#endif
