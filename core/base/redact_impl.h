/* base/redact_impl.h: shared by redact.c and redact_forms.c only. */
#ifndef RELEVO_BASE_REDACT_IMPL_H
#define RELEVO_BASE_REDACT_IMPL_H

#include <stddef.h>

/* Calls fn with every form in which a secret value may stand in a text, the
 * value itself first. Forms may repeat; the bytes are gone afterwards. */
typedef void redact_form_fn(void *arg, const char *form, size_t n);
void redact_each_form(const char *value, size_t n, redact_form_fn *, void *arg);

#endif
