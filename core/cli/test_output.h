/* cli/test_output.h: where the reports of `relevo test` go: the n-th --output
 * belongs to the n-th --format. Used by cmd_test.c. */
#ifndef RELEVO_CLI_TEST_OUTPUT_H
#define RELEVO_CLI_TEST_OUTPUT_H

#include "cli/cli.h"
#include "report/suite.h"

struct test_output {
    const struct suite_renderer *renderer;
    const char *file; /* NULL: standard output */
};

/* What the line asks for, at most one of them to standard output; *outputs is
 * the caller's to free. false: said why. */
bool test_outputs(const struct args *, struct test_output **outputs,
                  size_t *count) MUST_CHECK;

/* Writes all of them; files appear whole or not at all. false: one could not
 * be written, which was said; the others were. */
bool test_output_write(const struct test_output *, size_t count,
                       const struct suite *);

#endif
