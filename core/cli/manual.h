/* cli/manual.h: relevo(1), made from the table of commands. For `relevo help
 * --man`, which the build calls. */
#ifndef RELEVO_CLI_MANUAL_H
#define RELEVO_CLI_MANUAL_H

/* Writes the manual page, as man(7) source, to standard output. */
void manual_print(void);

#endif
