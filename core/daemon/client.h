/* daemon/client.h: a connection of the control socket, as control.c serves it
 * and the commands answer it. Nobody else includes it. */
#ifndef RELEVO_DAEMON_CLIENT_H
#define RELEVO_DAEMON_CLIENT_H

#include "daemon/internal.h"
#include "daemon/request.h"

struct client {
    struct client *next;
    struct control *control;
    uv_pipe_t pipe;
    struct buf in, out; /* out: answers that gather during one request */
    size_t unsent;      /* bytes on their way */
    uint32_t waits_for; /* number of the check whose probe it asked for; 0 */
    uint64_t window;    /* maintenance that lasts as long as it is there; 0 */
    uid_t uid;
    bool may_change, closing;
    bool paused; /* not read from: it does not read itself */
};

struct control {
    struct daemon *daemon;
    uv_pipe_t server;
    struct client *clients;
    size_t client_count, open_handles;
    char path[108];
};

/* control.c. Answers are sent by client_flush, which follows every request; the
 * object is taken over. */
void client_answer(struct client *, json_t *object);
void client_refuse(struct client *, const char *text);
void client_flush(struct client *);
bool client_is_there(const struct control *, const struct client *);

/* commands.c: what each request does. */
void command_run(struct client *, const struct request *);

/* quiet.c: pauses, acknowledgements, marks. */
enum { CLIENT_ACTOR = 64 };
/* Who it is, for the audit: a user name, or "uid 1000". Returns out. */
const char *client_actor(const struct client *, char out[CLIENT_ACTOR]);
/* "environment" of the request; NULL: any. False: there is none of that name,
 * and *refusal says so, with its text in err. */
bool client_environment(const struct client *, const struct request *,
                        const char **environment, const char **refusal,
                        struct err *) MUST_CHECK;
void quiet_pause(struct client *, const struct request *);
void quiet_resume(struct client *, const struct request *);
void quiet_acknowledge(struct client *, const struct request *);
void quiet_mark(struct client *, const struct request *);

/* commands.c: the check that a member of the request names; false: refused. */
bool command_check(struct client *, const struct request *, const char *member,
                   struct check_view *) MUST_CHECK;

/* beats.c: what jobs report. */
void beats_take(struct client *, const struct request *);
void beats_client_left(struct client *); /* nobody waits for the answers */

/* windows.c: maintenance. */
void windows_start(struct client *, const struct request *);
void windows_end(struct client *, const struct request *);
void windows_list(struct client *, const struct request *);
/* The client leaves: a window that was bound to it ends. */
void windows_client_left(struct client *);

#endif
