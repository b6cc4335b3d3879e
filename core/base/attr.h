/* base/attr.h: compiler attributes under plain names. Included everywhere. */
#ifndef RELEVO_BASE_ATTR_H
#define RELEVO_BASE_ATTR_H

#define PRINTF(f, a) __attribute__((format(printf, f, a)))
#define MUST_CHECK   __attribute__((warn_unused_result))
#define NORETURN     __attribute__((noreturn))
#define UNUSED       __attribute__((unused))

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

#endif
