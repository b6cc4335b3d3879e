/* conf/cycles.c: no check may lead back to itself, by what it needs or by what
 * it triggers: an error that prints the path. Called once checks are built and
 * their names are found, by needs.c and triggers.c. */
#include <stdlib.h>

#include "conf/draft.h"

enum visit { NEW, ON_PATH, DONE };

struct step { /* of a path: a check, and the next of those behind it */
    const struct check_spec *check;
    size_t next;
};

struct walk {
    struct builder *b;
    nth_check_fn *nth;
    const char *what;
    unsigned char *visits; /* enum visit of each check */
    struct step *path;
    size_t depth;
};

static void tell_cycle(struct walk *w, const struct check_spec *again)
{
    struct buf text = {0};
    size_t from = 0;
    while (w->path[from].check != again)
        from++;
    for (size_t i = from; i < w->depth; i++)
        buf_addf(&text, "%s → ", w->path[i].check->plain_name);
    conf_error(w->b->errors, again->place, "check \"%s\": %s: %s%s",
               again->plain_name, w->what, buf_text(&text), again->plain_name);
    buf_free(&text);
}

static void enter(struct walk *w, const struct check_spec *c)
{
    w->visits[c - w->b->conf->checks] = ON_PATH;
    w->path[w->depth++] = (struct step){c, 0};
}

/* Without recursion: a chain may be as long as there are checks. */
static void visit(struct walk *w, const struct check_spec *from)
{
    const struct check_spec *all = w->b->conf->checks;
    enter(w, from);
    while (w->depth > 0) {
        struct step *top = &w->path[w->depth - 1];
        const struct check_spec *next = w->nth(top->check, top->next++);
        if (next == NULL) {
            w->visits[top->check - all] = DONE;
            w->depth--;
        } else if (w->visits[next - all] == ON_PATH)
            tell_cycle(w, next);
        else if (w->visits[next - all] == NEW)
            enter(w, next);
    }
}

void tell_cycles(struct builder *b, nth_check_fn *nth, const char *what)
{
    size_t n = b->conf->check_count;
    struct walk w = {.b = b,
                     .nth = nth,
                     .what = what,
                     .visits = xcalloc(n + 1, 1),
                     .path = xcalloc(n + 1, sizeof(struct step))};
    for (size_t i = 0; i < n; i++)
        if (w.visits[i] == NEW)
            visit(&w, &b->conf->checks[i]);
    free(w.visits);
    free(w.path);
}
