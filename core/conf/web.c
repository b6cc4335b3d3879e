/* conf/web.c: the group `web` of a draft becomes the generation's web_spec. Its
 * addresses are checked here and opened by crew/web.c. */
#include <ctype.h>
#include <string.h>

#include "base/listen.h"
#include "base/str.h"
#include "conf/draft.h"

enum { TOKEN_LEAST = 16 };

static void check_listen(struct builder *b, const struct rlv_list *listen,
                         struct node *given)
{
    struct listen_at at;
    struct err err;
    if (listen->count == 0 || listen->count > WEB_LISTEN_MOST)
        tell(b, given,
             "expected one to four addresses; `enabled = false;` "
             "serves the page nowhere");
    for (size_t i = 0; i < listen->count; i++)
        if (!listen_parse(listen->items[i], &at, &err))
            tell(b, given, "%s", err.text);
}

/* Names are compared without regard to case. */
static void take_hosts(struct builder *b, struct web_spec *w,
                       struct node *given)
{
    const char **lower =
        arena_alloc(b->conf->arena, (w->hosts.count + 1) * sizeof *lower);
    for (size_t i = 0; i < w->hosts.count; i++) {
        const char *name = w->hosts.items[i];
        char *copy = arena_strdup(b->conf->arena, name);
        if (name[0] == '\0' || strpbrk(name, "/:@ \t") != NULL)
            tell(b, given,
                 "\"%s\" is no name of a host; expected one without "
                 "port, such as \"status.example.com\"",
                 name);
        for (char *c = copy; *c != '\0'; c++)
            *c = (char)tolower((unsigned char)*c);
        lower[i] = copy;
    }
    w->hosts = (struct rlv_list){lower, w->hosts.count};
}

static void check_token(struct builder *b, const struct web_spec *w,
                        struct node *given)
{
    if (w->token == NULL)
        return;
    vars_note_secret(&b->draft->vars, w->token);
    for (const char *c = w->token; *c != '\0'; c++)
        if ((unsigned char)*c <= ' ' || (unsigned char)*c > '~') {
            tell(b, given, "a token has no spaces, and nothing but ASCII");
            return;
        }
    if (strlen(w->token) < TOKEN_LEAST)
        tell(b, given,
             "it is shorter than %d characters: one is guessed; "
             "`openssl rand -hex 16` makes a good one",
             TOKEN_LEAST);
}

/* What the environment of the process says comes before the file. */
static void override(struct builder *b, struct web_spec *w)
{
    const char *given = b->draft->given_web;
    struct listen_at at;
    struct err err;
    if (given == NULL)
        return;
    if (str_eq(given, "off")) {
        w->enabled = false;
    } else if (listen_parse(given, &at, &err)) {
        const char **one = arena_alloc(b->conf->arena, sizeof *one);
        one[0] = arena_strdup(b->conf->arena, given);
        w->listen = (struct rlv_list){one, 1};
    } else {
        conf_error(b->errors, (struct place){0}, "RELEVO_WEB: %s; or \"off\"",
                   err.text);
    }
}

static void take_web(struct builder *b, struct web_spec *w, struct node *group)
{
    struct node *listen = node_find(group, "listen");
    struct node *hosts = node_find(group, "hosts");
    struct node *token = node_find(group, "token");
    take_group_members(b, SCOPE_WEB, &web_options, group, w, &w->missing);
    w->missing = arena_strdup(b->conf->arena, w->missing);
    if (listen != NULL && !refuse_secret(b, listen))
        check_listen(b, &w->listen, listen);
    if (hosts != NULL && !refuse_secret(b, hosts))
        take_hosts(b, w, hosts);
    if (token != NULL)
        check_token(b, w, token);
}

void build_web(struct builder *b)
{
    struct web_spec *w = &b->conf->web;
    struct err err = {0};
    must(option_defaults(web_options.rows, web_options.count, w, b->conf->arena,
                         &err));
    if (b->draft->web != NULL)
        take_web(b, w, b->draft->web);
    override(b, w);
}
