/* cli/use.c: see use.h. */
#include "cli/use.h"

#include <stdlib.h>
#include <uv.h>

#include "daemon/places.h"
#include "daemon/prepare.h"

static struct conf *prepare(const struct conf_source *source)
{
    uv_loop_t loop;
    uv_loop_init(&loop);
    struct conf *conf = prepare_now(&loop, source, 1);
    uv_loop_close(&loop);
    return conf;
}

static struct conf_source source_of(const struct args *args)
{
    const char *state_dir = args_get(args, "state-dir");
    if (state_dir == NULL)
        state_dir = getenv("RELEVO_STATE_DIR");
    return places_source(cli_config(args), state_dir);
}

struct conf *use_conf(const struct args *args)
{
    struct conf_source source = source_of(args);
    return prepare(&source);
}

struct conf *use_conf_explained(const struct args *args)
{
    struct conf_source source = source_of(args);
    source.origins = true;
    return prepare(&source);
}

struct conf *use_conf_text(const struct args *args, const char *name,
                           const char *text)
{
    struct conf_source source = source_of(args);
    source.file = name;
    source.text = text;
    return prepare(&source);
}
