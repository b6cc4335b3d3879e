/* cli/result_text.h: a RESULT for a person, from its JSON. */
#ifndef RELEVO_CLI_RESULT_TEXT_H
#define RELEVO_CLI_RESULT_TEXT_H

#include <jansson.h>

#include "cli/cli.h"

/* Outcome, message, phases, observations, what each line saw; with trace also
 * the evidence. */
void result_print(const json_t *result, bool trace);
/* The configuration lines that would make this probe of a URL a check. */
void result_print_config(const char *url, const struct args *);

#endif
