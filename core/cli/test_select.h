/* cli/test_select.h: which checks `relevo test` is about, and which of them it
 * skips and why. Used by cmd_test.c. */
#ifndef RELEVO_CLI_TEST_SELECT_H
#define RELEVO_CLI_TEST_SELECT_H

#include "cli/cli.h"
#include "model/spec.h"

/* selected[i]: conf->checks[i] fits the names, --tag and --env, whether enabled
 * or not. false: said why; a word that fits no check is a mistake. */
bool test_select(const struct args *, const struct conf *,
                 bool *selected) MUST_CHECK;

/* Why this check is skipped, on the arena; NULL: it is run. */
const char *test_skip_reason(const struct check_spec *, struct arena *);

#endif
