/* base/enclose.h: keeps a process, and all that it starts, from some files for
 * good, with Landlock, where the kernel has it. Called by the roles that run
 * plugins, before they open one.
 *
 * Landlock only knows what is allowed. So a folder above a denied file is taken
 * apart: each thing in it is allowed by itself, but the denied one. What comes
 * into such a folder later is denied, too, until a new process takes its view;
 * enclose_hides tells. Nothing below other folders is affected. */
#ifndef RELEVO_BASE_ENCLOSE_H
#define RELEVO_BASE_ENCLOSE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

/* The kernel's Landlock ABI; 0: it has none, or it is switched off. */
int enclose_abi(void);

/* From now on nothing at or below the `denied` paths can be read, written,
 * made, removed or renamed, except that what is at or below the `kept` ones can
 * be read. Paths that are not there do not count. Where the kernel can, only
 * what this process starts can be signalled. Needs no_new_privs, and one thread
 * only. true with a kernel that has no Landlock, where nothing is denied. */
bool enclose(const char *const *denied, size_t n, const char *const *kept,
             size_t kept_count, struct err *) MUST_CHECK;

/* The file is there and cannot be opened for reading for lack of permission. */
bool enclose_hides(const char *path);

#endif
