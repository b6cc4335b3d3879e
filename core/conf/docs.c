/* conf/docs.c: docs/config.md, made from the tables that also validate. */
#include <string.h>

#include "conf/conf.h"
#include "conf/tables.h"

static const char introduction[] =
    "# Configuration\n"
    "\n"
    "<!-- Made from the tables in core/conf/tables.c: do not edit. -->\n"
    "\n"
    "Relevo reads the file that `-c FILE` names, else `./relevo.cfg`, else\n"
    "`/etc/relevo/relevo.cfg`, and then every `conf.d/*.cfg` beside it, in "
    "sorted\n"
    "order. Groups of the same name in several files are one group; what "
    "stands\n"
    "twice is an error. `relevo config check` tells all that is wrong, with "
    "file,\n"
    "line and column; `relevo config show` prints every value.\n"
    "\n"
    "```\n"
    "timezone = \"Europe/Madrid\";\n"
    "vars     = { base = \"app.example.com\"; token = { env = \"API_TOKEN\"; "
    "}; };\n"
    "defaults = { interval = \"30s\"; http = { timeout = \"5s\"; }; };\n"
    "\n"
    "checks = {\n"
    "  api   = { url = \"https://${base}/health/ready\"; tags = [\"smoke\"];\n"
    "            headers = { Authorization = \"Bearer ${token}\"; };\n"
    "            expect = [\"status == 200\", \"latency < 500ms\"]; };\n"
    "};\n"
    "runbooks = {\n"
    "  api-diagnose = { script = \"http/diagnose\"; match = { plugin = "
    "\"http\"; "
    "}; };\n"
    "  oncall       = { script = \"notify/webhook\"; on = [\"down\", "
    "\"recovered\"];\n"
    "                   params = { url = { env = \"ONCALL_URL\"; }; }; };\n"
    "};\n"
    "```\n"
    "\n"
    "- **Values.** A duration is text such as `\"250ms\"`, `\"30s\"`, "
    "`\"1h30m\"`, `\"14d\"`;\n"
    "  a size such as `\"4KiB\"`, `\"1MB\"`. A list may be one text: `on = "
    "\"down\"`.\n"
    "  `#`, `//` and `/* */` begin comments; `@include \"file\"` at the "
    "beginning "
    "of a\n"
    "  line reads another file.\n"
    "- **Variables.** `${name}` in any text is the variable of that name: of "
    "the\n"
    "  `vars` of the environment, else of the `vars` at the top. `$${` is a "
    "literal\n"
    "  `${`, `{{{{` a literal `{{`.\n"
    "- **Places.** `{{name}}` in an option of a plugin is filled in when a "
    "probe\n"
    "  begins, for that probe alone, with what the check that triggers it "
    "gives: a\n"
    "  websocket check with `trigger = \"publish\"` gives `{{nonce}}` to the "
    "check\n"
    "  `publish` of its environment, which needs no schedule of its own "
    "(`schedule =\n"
    "  \"manual\"`). A place that nobody gives a value for makes the result "
    "unknown,\n"
    "  fault `config`, naming it. What is triggered is recorded and does not "
    "count\n"
    "  for that check's state; a check is never under way twice. A name that "
    "does\n"
    "  not exist, and checks that trigger each other in a circle, are errors.\n"
    "- **Secrets.** `{ env = \"NAME\"; }` is the value of an environment "
    "variable,\n"
    "  `{ file = \"path\"; }` the content of a file (relative to the "
    "configuration,\n"
    "  without its last newline). A text that holds a secret is secret as a "
    "whole;\n"
    "  secrets are shown nowhere, and what everybody sees (`title`, `owner`, "
    "`links`,\n"
    "  `tags`, `skip`, `match`, `maintenance`) cannot hold one. Where one is\n"
    "  missing, the check that needs it is unknown (`relevo test` skips it) "
    "and the\n"
    "  runbook that needs it is held, with that reason; all others run. "
    "`relevo\n"
    "  config check` names them all, with `--strict` they are errors. With "
    "`optional = true;` beside `env` or "
    "`file` an\n"
    "  option that is only this secret counts as not given where it is "
    "missing:\n"
    "  `url = \"${redis_url}\"` gives way to `host` and `port`.\n"
    "- **Environments.** With a block `environments` every check stands once "
    "for each\n"
    "  of them, as `staging/api` and `production/api`, with the variables of "
    "that\n"
    "  environment; `automation` in it is that environment's own ceiling. A "
    "check with\n"
    "  `environments = [\"production\"]` is only there. Names in `depends_on` "
    "and `of`\n"
    "  mean the check of the same environment; a need that is only in others "
    "is none\n"
    "  here. A variable that only some environments define has no value in the "
    "others:\n"
    "  a check that uses it is unknown there, like one whose secret is "
    "missing.\n"
    "- **Templates.** `templates = { uat = { schedule = \"manual\"; }; };` "
    "names options\n"
    "  that `use = [\"uat\"]` lays below those of a check.\n"
    "- **Order of values.** Built in, `defaults`, the plugin's block in "
    "`defaults`, the\n"
    "  templates of `use` in order, the check; the last one counts. Lists "
    "replace each\n"
    "  other; groups of texts such as `headers` are laid over each other.\n"
    "  `relevo config show` tells behind each value where it comes from.\n"
    "- **Derived checks.** A check with `of = \"api\"` is judged from every "
    "answer that\n"
    "  `api` gets, over its fields and what it records, and is never probed "
    "itself: it\n"
    "  has no plugin and no schedule of its own, and its own state, incidents "
    "and\n"
    "  runbooks. `api` may depend on it. See docs/expectations.md.\n";

static void write_cell(const char *text, struct buf *out)
{
    for (const char *s = text; *s != '\0'; s++)
        if (*s == '|')
            buf_adds(out, " \\| ");
        else
            buf_addc(out, *s);
}

static void write_row(const struct rlv_option *row, struct buf *out)
{
    buf_addf(out, "| `%s` | %s | ", row->name, option_kind_text(row->kind));
    if (row->limits != NULL)
        write_cell(row->limits, out);
    buf_adds(out, " | ");
    if ((row->flags & RLV_REQUIRED) != 0)
        buf_adds(out, "(required)");
    else if (row->fallback != NULL)
        buf_addf(out, "`%s`", row->fallback);
    buf_adds(out, " | ");
    write_cell(row->help, out);
    buf_adds(out, " |\n");
}

static void write_table(const char *title, const char *text,
                        const struct option_table *table, struct buf *out)
{
    buf_addf(out,
             "\n## %s\n\n%s\n\n| key | value | allowed | default | meaning |\n"
             "|---|---|---|---|---|\n",
             title, text);
    for (size_t i = 0; i < table->count; i++)
        write_row(&table->rows[i], out);
}

static void write_schemes(struct buf *out)
{
    const char *scheme, *plugin;
    int port;
    buf_adds(out, "\nThe scheme of `url` names the plugin:\n\n"
                  "| scheme | plugin | port |\n|---|---|---|\n");
    for (size_t i = 0; (scheme = table_scheme_nth(i, &plugin, &port)) != NULL;
         i++) {
        buf_addf(out, "| `%s://` | `%s` | ", scheme, plugin);
        if (port == 0)
            buf_adds(out, "stands in the URL |\n");
        else
            buf_addf(out, "%d |\n", port);
    }
}

void conf_write_docs(struct buf *out)
{
    buf_adds(out, introduction);
    write_table("At the top",
                "Beside the groups `vars`, `environments`, `defaults`, "
                "`templates`, `checks`,\n`runbooks`, `maintenance`, "
                "`history` and `web`:",
                &global_options, out);
    write_table(
        "Checks",
        "Every member of `checks` is a check. These options are common "
        "to all; those of\nthe plugin stand beside them (`relevo plugin "
        "show NAME` lists them). `defaults`\ntakes these for all checks, "
        "and a block for each plugin.",
        &check_options, out);
    write_schemes(out);
    write_table("Runbooks",
                "Every member of `runbooks` is a runbook. What kind it is "
                "(diagnose, remediate,\nnotify) and which parameters it takes "
                "stands in the script's header; `params`\ngives their values. "
                "`match` selects the failures it is for.",
                &runbook_options, out);
    write_table("match",
                "Each takes a text or a list of texts; one of the list must "
                "fit, and every key\nthat is given.",
                &match_options, out);
    write_table(
        "Maintenance",
        "Every member of `maintenance` is a window: in it is measured, "
        "and nobody is called.\nIt has `cron` and `duration`, or `from` "
        "and `until` (or `duration`).",
        &maintenance_options, out);
    write_table("History", "The group `history`: how long what is kept.",
                &history_options, out);
    write_table("Web", "The group `web`: the page, see [web.md](web.md).",
                &web_options, out);
}
