/* tcp/upgrade.c: how protocols agree on TLS: a table.
 *
 * A reply is a line, or several where each but the last has a hyphen after its
 * number (SMTP, FTP). Pure; carried out by run.c. */
#include "tcp/tcp.h"

#define LINE "\\A([^\\n]*)\\n"
#define NUMBERED                                  \
    "(?ms)\\A(?|[0-9]{3}-.*?^([0-9]{3} [^\\n]*)|" \
    "(?![0-9]{3}-)([^\\n]*))\\n"
#define SAY(text) text, sizeof text - 1

static const struct move none[] = {{NULL}};
static const struct move smtp[] = {
    {NULL, 0, NUMBERED, "220"},
    {SAY("EHLO relevo\r\n"), NUMBERED, "250"},
    {SAY("STARTTLS\r\n"), NUMBERED, "220"},
    {NULL},
};
static const struct move imap[] = {
    {NULL, 0, LINE, "* OK"},
    {SAY("a STARTTLS\r\n"), "(?m)^(a [^\\n]*)\\n", "a OK"},
    {NULL},
};
static const struct move pop3[] = {
    {NULL, 0, LINE, "+OK"},
    {SAY("STLS\r\n"), LINE, "+OK"},
    {NULL},
};
static const struct move ftp[] = {
    {NULL, 0, NUMBERED, "220"},
    {SAY("AUTH TLS\r\n"), NUMBERED, "234"},
    {NULL},
};
/* An SSLRequest; the answer is one letter. */
static const struct move postgres[] = {
    {SAY("\0\0\0\x08\x04\xd2\x16\x2f"), "\\A([\\x00-\\x7f])", "S"},
    {NULL},
};

const struct move *upgrade_moves(int64_t starttls)
{
    static const struct move *const table[] = {none, smtp, imap,
                                               pop3, ftp,  postgres};
    return table[starttls];
}
