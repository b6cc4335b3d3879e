/* model/kind_exec.c: the tables of the kind `exec`. */
#include "model/kind_exec.h"

#include <stdio.h>
#include <string.h>

#include "model/kind.h"

// clang-format off
#define ROW(kind, flags, name, field, fallback, limits, help) \
    {name, kind, flags, (uint32_t)offsetof(struct exec_conf, field), fallback, limits, help}
static const struct rlv_option options[] = {
    ROW(RLV_LIST, RLV_REQUIRED | RLV_OWN_PLACES, "command", command, NULL, NULL,
        "The program and its arguments, each a text of its own; no shell reads them. An absolute path, or a name in " EXEC_PATH "."),
    ROW(RLV_DICT, RLV_OWN_PLACES, "environment", environment, NULL, NULL,
        "Variables of its environment, beside PATH, LANG, HOME, USER and LOGNAME; the place for a password, which among the arguments all users of the machine would see."),
    ROW(RLV_STRING, 0, "user", user, NULL, NULL,
        "The user that it runs as; needs a runner that was started as root."),
    ROW(RLV_SIZE, 0, "max_output", output_bytes, "64KiB", "1KiB..1MiB",
        "How much is kept of what it prints, of standard output and standard error each."),
};

static const struct rlv_field fields[] = {
    [EXEC_EXIT] = {"exit", RLV_T_INT, 0, "",
        "the exit status; a line that reads it takes its meaning as a Nagios plugin's away"},
    [EXEC_TEXT] = {"text", RLV_T_TEXT, 0, "",
        "the first line of standard output, without performance data; where there is none, of standard error"},
    [EXEC_LONG_TEXT] = {"long_text", RLV_T_TEXT, 0, "",
        "the lines after it, without performance data"},
    [EXEC_STDERR] = {"stderr", RLV_T_TEXT, 0, "",
        "what it printed on standard error"},
    [EXEC_BODY] = {"body", RLV_T_BODY, 0, "",
        "the whole of standard output, up to `max_output`"},
    [EXEC_VALUE] = {"value", RLV_T_MAP, RLV_RECORDED, "",
        "performance data by label: value('time'); a duration, a size, a percentage or a number"},
    [EXEC_WITHIN_WARN] = {"within_warn", RLV_T_MAP, 0, "",
        "true where the value is within the plugin's own warning range"},
    [EXEC_WITHIN_CRIT] = {"within_crit", RLV_T_MAP, 0, "",
        "true where the value is within the plugin's own critical range"},
    [EXEC_UNIT] = {"unit", RLV_T_MAP, 0, "",
        "what the value is counted in, as a text: unit('power') is 'W'"},
    [EXEC_LATENCY] = {"latency", RLV_T_DURATION, RLV_RECORDED, "",
        "from the start of the process to its end"},
};
// clang-format on

static const char *const expects[] = {"exit in 0..1", NULL};
static const char *const warn_unless[] = {"exit == 0", NULL};

static bool refuse(const char **option, const char *name, char *why,
                   size_t size, const char *text)
{
    *option = name;
    snprintf(why, size, "%s", text);
    return false;
}

static bool is_program(const char *s)
{
    return s[0] == '/' ? s[1] != '\0' : s[0] != '\0' && strchr(s, '/') == NULL;
}

static bool validate(const void *conf, const char **option, char *why,
                     size_t size)
{
    const struct exec_conf *c = conf;
    if (c->command.count == 0 || !is_program(c->command.items[0]))
        return refuse(option, "command", why, size,
                      "first comes the program: an absolute path, or a name "
                      "in " EXEC_PATH);
    if (c->command.count == 1 && strchr(c->command.items[0], ' ') != NULL)
        return refuse(option, "command", why, size,
                      "each argument is a text of its own: [\"check_http\", "
                      "\"-H\", \"localhost\"]");
    for (size_t i = 0; i < c->environment.count; i++) {
        const char *name = c->environment.pairs[i].key;
        if (name[0] == '\0' || strchr(name, '=') != NULL)
            return refuse(option, "environment", why, size,
                          "the name of a variable is empty or has a = in it");
    }
    return true;
}

const struct rlv_plugin kind_exec = {
    .magic = RLV_MAGIC,
    .size = sizeof(struct rlv_plugin),
    .major = RLV_ABI_MAJOR,
    .minor = RLV_ABI_MINOR,
    .name = "exec",
    .version = RELEVO_VERSION,
    .summary = "a command such as a Nagios plugin, by its exit status, text "
               "and performance data",
    RLV_OPTIONS(struct exec_conf, options),
    RLV_FIELDS(fields),
    .expects = expects,
    .warn_unless = warn_unless,
    .validate = validate,
};
