/* postgres/cancel.h: asks a server to give up what it is still at. */
#ifndef POSTGRES_CANCEL_H
#define POSTGRES_CANCEL_H

#include "postgres/session.h"

/* Of a session that is about to be closed with a statement under way: closing
 * alone leaves the server at work. Goes its own way from here on, within a
 * second; where the key is not known, or many are at it, nothing happens. */
void cancel_send(const struct session *);

#endif
