/* cli/history_periods.h: `relevo history` over a long time: a row a period in
 * place of a row a result. Used by cmd_history.c. */
#ifndef RELEVO_CLI_HISTORY_PERIODS_H
#define RELEVO_CLI_HISTORY_PERIODS_H

#include "cli/ledger.h"

/* Longer than that is shown by period unless something else is asked for. */
#define PERIODS_FROM_US INT64_C(172800000000) /* two days */

/* since_us 0: what --by suggests. An exit status. */
int history_periods(struct ledger *, const struct args *,
                    const struct check_row *, int64_t since_us);

#endif
