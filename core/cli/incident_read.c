/* cli/incident_read.c: see incident_read.h. */
#include "cli/incident_read.h"

#include <string.h>

#include "cli/ask.h"
#include "report/json.h"
#include "report/story_read.h"

json_t *incident_about(const struct args *args, struct arena *arena,
                       struct story *s)
{
    struct err err;
    json_t *request = json_pack("{s:s, s:o}", "command", "status", "check",
                                report_text(s->check, strlen(s->check)));
    json_t *answer = ask_list(cli_state_dir(args), request, &err);
    story_about(json_array_get(answer, 0), arena, s);
    return answer;
}
