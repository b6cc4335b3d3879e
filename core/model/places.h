/* model/places.h: {{name}} in the texts of a plugin's options: filled in when a
 * probe begins, with what the check that triggers it has given. `{{{{` is a
 * literal `{{`; what is neither is text like any other.
 *
 * The configuration keeps texts as written, and so does the wire; a worker
 * fills in. Pure. */
#ifndef RELEVO_MODEL_PLACES_H
#define RELEVO_MODEL_PLACES_H

#include <stdbool.h>

#include "base/mem.h"
#include "model/catalog.h"
#include "model/option.h"

/* Some text of it has a place. */
bool places_are_in(const struct raw *);
/* Some of these settings has one that is not for the plugin itself to fill in.
 */
bool places_are_in_any(const struct catalog *, const struct setting *,
                       size_t count);
/* The core fills in the places of that option. */
bool places_are_filled(const struct catalog *, const char *option);

/* A copy with the places filled in and the literals put right. values NULL:
 * places stay as written. false: no value has that name, which is on the arena.
 */
bool places_fill(const struct raw *from, const struct rlv_dict *values,
                 struct arena *, struct raw *to, const char **unfilled);

/* The same of one text; NULL: *unfilled. */
const char *places_fill_text(const char *text, const struct rlv_dict *values,
                             struct arena *, const char **unfilled);

/* So written that it is read as this text. */
const char *places_escape(const char *text, struct arena *);

#endif
