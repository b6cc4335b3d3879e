/* postgres/fault.h: what an error stands for. */
#ifndef POSTGRES_FAULT_H
#define POSTGRES_FAULT_H

#include "postgres/postgres.h"

/* Why a session could not be had, or what a statement came to. */
struct verdict {
    enum rlv_fault fault; /* RLV_F_NONE: none yet */
    int sys_errno;        /* 0: there is none */
    char code[32];        /* an SQLSTATE, or a word; "": the errno's name */
    char text[500];       /* without a full stop */
};

void verdict_set(struct verdict *, enum rlv_fault, const char *code,
                 const char *fmt, ...) RLV_PRINTF(4, 5);
void verdict_errno(struct verdict *, enum rlv_fault, int sys_errno,
                   const char *fmt, ...) RLV_PRINTF(4, 5);

/* Whether it is five of A-Z and 0-9. */
bool is_sqlstate(const char *);
/* A server's error: the fault of an SQLSTATE. text is the server's own. */
enum rlv_fault fault_of(const char *sqlstate, const char *text);
/* An error result, as the verdict on what was asked: "SELECT 1". */
void verdict_of_result(struct verdict *, const PGresult *, const char *peer,
                       const char *asked);
/* PQerrorMessage() of a session that could not be had, or is lost. doing: what
 * was waited for. */
void verdict_of_text(struct verdict *, const char *text, const char *peer,
                     const char *doing);

/* A name that did not resolve; gai 0: no address came. */
void verdict_of_resolve(struct verdict *, const char *name, int gai);

/* How much a verdict says of a target with several hosts: a host that
 * answered says more than one that did not. */
int verdict_rank(const struct verdict *);
/* Whether the next host may fare better. */
bool verdict_goes_on(const struct verdict *);

#endif
