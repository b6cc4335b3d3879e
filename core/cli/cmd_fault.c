/* cli/cmd_fault.c: `relevo fault list`: the closed list of faults, printed
 * from its table. */
#include "cli/cli.h"
#include "cli/out.h"
#include "model/fault.h"

static const char *set_by(const struct fault_info *f)
{
    return f->core_only ? "core" : "plugin";
}

static json_t *to_json(void)
{
    json_t *all = json_array();
    for (size_t i = 0; i < fault_count; i++) {
        const struct fault_info *f = &fault_table[i];
        json_array_append_new(all,
                              json_pack("{s:i, s:s, s:s, s:s, s:s}", "number",
                                        (int)f->number, "name", f->name,
                                        "blame", blame_name(f->blame), "set_by",
                                        set_by(f), "text", f->text));
    }
    return all;
}

int cmd_fault_list(const struct args *args)
{
    if (args_has(args, "json")) {
        out_json(to_json());
        return EXIT_FINE;
    }
    static const char *const head[] = {"NUMBER", "FAULT", "BLAMES", "SET BY",
                                       "MEANING"};
    struct table *t = table_begin(head, ARRAY_LEN(head));
    for (size_t i = 0; i < fault_count; i++) {
        const struct fault_info *f = &fault_table[i];
        table_cell(t, "%d", (int)f->number);
        table_cell(t, "%s", f->name);
        table_cell(t, "%s", blame_name(f->blame));
        table_cell(t, "%s", set_by(f));
        table_cell(t, "%s", f->text);
    }
    table_print(t);
    return EXIT_FINE;
}
