/* kit/attempt.h: libcurl's last attempt to connect: to which address, and
 * whether there was a descriptor for it. libcurl itself tells neither once the
 * attempt has failed. */
#ifndef KIT_ATTEMPT_H
#define KIT_ATTEMPT_H

#include <curl/curl.h>
#include <sys/socket.h>

#include "kit/init.h"

struct kit_attempt {
    struct sockaddr_storage address; /* AF_UNSPEC: none yet */
    int no_socket;                   /* errno: no descriptor to be had */
};

/* Sockets of easy are opened close-on-exec, and noted in attempt, which must
 * outlive its transfer. */
KIT_EXPORT void kit_attempt_note(CURL *easy, struct kit_attempt *);

#endif
