/* web/mhd.h: libmicrohttpd, loaded when the role begins.
 *
 * One program has all roles, and Debian's libmicrohttpd brings GnuTLS and ten
 * more libraries along, whose constructors would run in every worker and every
 * command. So it is opened here, once, by the only role that needs it; its
 * header says what it has. */
#ifndef RELEVO_WEB_MHD_H
#define RELEVO_WEB_MHD_H

#include <microhttpd.h>

#define MHD_FUNCTION_MAP(X)            \
    X(MHD_start_daemon)                \
    X(MHD_stop_daemon)                 \
    X(MHD_run)                         \
    X(MHD_get_timeout)                 \
    X(MHD_get_daemon_info)             \
    X(MHD_get_connection_info)         \
    X(MHD_get_connection_values)       \
    X(MHD_lookup_connection_value)     \
    X(MHD_add_connection)              \
    X(MHD_suspend_connection)          \
    X(MHD_resume_connection)           \
    X(MHD_create_response_from_buffer) \
    X(MHD_add_response_header)         \
    X(MHD_queue_response)              \
    X(MHD_destroy_response)

struct mhd {
#define X(name) __typeof__(name) *name;
    MHD_FUNCTION_MAP(X)
#undef X
};

extern struct mhd mhd;

/* Ends the process where it cannot be loaded, saying why. */
void mhd_load(void);

#endif
