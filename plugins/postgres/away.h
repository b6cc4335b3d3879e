/* postgres/away.h: a step of a login that computes for long, off the loop. */
#ifndef POSTGRES_AWAY_H
#define POSTGRES_AWAY_H

#include "postgres/session.h"

/* Lends the session's connection, which is NULL meanwhile, to a thread that
 * calls PQconnectPoll() once. Ends in session_stepped(), unless
 * session_close() or away_forget() comes before. False: no thread can be had,
 * errno says why, and nothing has changed. */
bool away_step(struct session *);
/* Whether its connection is lent: in the queue, or at work. */
bool away_has(const struct session *);
/* The session goes: its connection is closed once the thread is done. */
void away_forget(const struct session *);

#endif
