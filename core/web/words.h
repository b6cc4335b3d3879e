/* web/words.h: what the pages say, in each of their languages: one table, a row
 * of which does not compile without all of them. Pure.
 *
 * {} stands for a value; both texts of a row have as many, in the same order
 * (tests/unit/test_web_words.c). What the watch itself has written down
 * (messages, timelines, findings) is shown as it was written. */
#ifndef RELEVO_WEB_WORDS_H
#define RELEVO_WEB_WORDS_H

#include <stddef.h>

#include "model/record.h"
#include "model/result.h"

enum language { ENGLISH, SPANISH };
enum { LANGUAGE_COUNT = SPANISH + 1 };

/* X(NAME, English, Spanish) */
// clang-format off
#define WORDS(X) \
    X(OVERVIEW, "Overview", "Resumen") \
    X(INCIDENTS, "Incidents", "Incidentes") \
    X(SKIP, "Skip to content", "Saltar al contenido") \
    X(MAIN_NAVIGATION, "Pages", "Páginas") \
    X(LANGUAGE, "Language", "Idioma") \
    X(AS_OF, "as of", "datos de las") \
    X(REFRESHES, "every {} s", "cada {} s") \
    X(REFRESH_STOP, "stop", "detener") \
    X(REFRESH_START, "refresh automatically", "actualizar solo") \
    X(REFRESH_STOP_LONG, "Stop refreshing this page", "Dejar de actualizar esta página") \
    X(TIMES_IN, "Times: {}", "Horas: {}") \
    X(VERSION, "Relevo {}", "Relevo {}") \
    X(NO_DAEMON, "The watch does not answer.", "El vigilante no responde.") \
    X(NO_DAEMON_SEEN, "What follows is what was stored; the latest of it is of", "Lo que sigue es lo guardado; lo último es de") \
    X(NO_DAEMON_EMPTY, "Nothing is stored so far.", "Todavía no hay nada guardado.") \
    X(NO_DAEMON_AGO, "{} ago", "hace {}") \
    X(OLD_DATA, "The watch answers, but the latest result that is stored is {} old.", "El vigilante responde, pero el último resultado guardado tiene {}.") \
    X(NO_HISTORY, "The history cannot be read: {}", "No se puede leer el historial: {}") \
    X(TROUBLE, "Relevo itself is in trouble", "Relevo mismo tiene problemas") \
    X(DISTRUST, "Relevo distrusts itself for {} more: {}. No check goes down meanwhile.", "Relevo desconfía de sí mismo por {} más: {}. Mientras tanto ninguna comprobación cae.") \
    X(LETTERS, "Notices that were given up", "Avisos que no se pudieron entregar") \
    X(LETTER_FOR, "for {}", "por {}") \
    X(NO_CHECKS, "No checks are configured.", "No hay comprobaciones configuradas.") \
    X(NONE_MATCH, "No check matches the filter.", "Ninguna comprobación coincide con el filtro.") \
    X(CHECKS, "Checks", "Comprobaciones") \
    X(CHECK, "Check", "Comprobación") \
    X(STATE, "State", "Estado") \
    X(OPEN_INCIDENTS, "Open incidents", "Incidentes abiertos") \
    X(MORE, "and {} more", "y {} más") \
    X(FILTER_APPLY, "Apply", "Aplicar") \
    X(FILTER_CLEAR, "Show all", "Mostrar todo") \
    X(ENVIRONMENT, "Environment", "Entorno") \
    X(TAG, "Tag", "Etiqueta") \
    X(SHOW, "Show", "Mostrar") \
    X(ANY, "all", "todo") \
    X(PROBLEMS, "problems only", "solo problemas") \
    X(SINCE, "since", "desde") \
    X(UNTIL, "until", "hasta") \
    X(FOR, "for {}", "durante {}") \
    X(MANUAL, "manual", "manual") \
    X(DISABLED, "enabled = false", "enabled = false") \
    X(MAINTENANCE, "maintenance", "mantenimiento") \
    X(ACKNOWLEDGED, "acknowledged", "atendido") \
    X(WAITS_FOR, "waits for {}", "espera a {}") \
    X(LAST_24H, "24 h", "24 h") \
    X(LAST_7D, "7 days", "7 días") \
    X(LAST_90D, "90 days", "90 días") \
    X(BAR_NONE, "not measured", "sin medir") \
    X(BAR_UNKNOWN, "unknown", "desconocido") \
    X(BAR_GOOD, "good", "bien") \
    X(BAR_WARN, "degraded", "degradado") \
    X(BAR_SOME, "some failing", "algunos fallos") \
    X(BAR_FAIL, "mostly failing", "casi todo fallos") \
    X(BAR_LABEL, "{}: {} good; failing in {} of {} parts, not measured in {}", "{}: {} bien; fallos en {} de {} partes, sin medir en {}") \
    X(BAR_LABEL_NONE, "{}: not measured", "{}: sin medir") \
    X(LEGEND, "24 h by the hour:", "24 h por hora:") \
    X(DOWN_FOR, "for {}", "desde hace {}") \
    X(LASTED, "Lasted", "Duró") \
    X(SO_FAR, "so far", "hasta ahora") \
    X(CAUSE, "Cause", "Causa") \
    X(FAULT, "Fault", "Fallo") \
    X(MESSAGE, "Message", "Mensaje") \
    X(IMPACT, "Also down because of it", "Caídas por su causa") \
    X(FINDINGS, "Findings", "Hallazgos") \
    X(FINDINGS_OF, "Found by {}", "Hallado por {}") \
    X(NEXT_STEP, "Next", "Después") \
    X(NO_FINDINGS, "No runbook found anything.", "Ningún runbook halló nada.") \
    X(TAKEN_BY, "acknowledged by {}", "atendido por {}") \
    X(BEGAN, "Began", "Comenzó") \
    X(RESOLVED, "Resolved", "Resuelto") \
    X(CONFIRMED_AFTER, "confirmed after {}", "confirmado tras {}") \
    X(REOPENED, "reopened {}×", "reabierto {}×") \
    X(TIMELINE, "Timeline", "Cronología") \
    X(TIME, "Time", "Hora") \
    X(AFTER, "After", "Tras") \
    X(EVENT, "Event", "Suceso") \
    X(WHAT_HAPPENED, "What happened", "Qué pasó") \
    X(RUNBOOKS, "Runbooks", "Runbooks") \
    X(RUN, "Run", "Ejecución") \
    X(KIND, "Kind", "Tipo") \
    X(RUNBOOK, "Runbook", "Runbook") \
    X(RESULT, "Result", "Resultado") \
    X(EXIT, "Exit", "Salida") \
    X(TOOK, "Took", "Duró") \
    X(REASON, "Reason", "Motivo") \
    X(OUTPUT_OF, "Output of {} ({})", "Salida de {} ({})") \
    X(CUT, "cut: relevo runbook log shows all of it", "recortada: relevo runbook log la muestra entera") \
    X(FIRST_FAILURE, "First failing result", "Primer resultado fallido") \
    X(LATEST_FAILURE, "Latest failing result", "Último resultado fallido") \
    X(EVIDENCE, "{} ({} bytes)", "{} ({} bytes)") \
    X(EVIDENCE_CUT, "cut", "recortado") \
    X(NO_INCIDENTS, "No incidents so far.", "No hubo incidentes.") \
    X(OLDER, "Older", "Anteriores") \
    X(NEWEST, "Newest", "Recientes") \
    X(INCIDENT, "Incident", "Incidente") \
    X(CAUSE_OR_MESSAGE, "Cause or message", "Causa o mensaje") \
    X(INCIDENT_OPEN, "open", "abierto") \
    X(INCIDENT_ACKNOWLEDGED, "acknowledged", "atendido") \
    X(INCIDENT_RESOLVED, "resolved", "resuelto") \
    X(LAST_RESULT, "Last result", "Último resultado") \
    X(NO_RESULT, "There is no result so far.", "Todavía no hay resultados.") \
    X(EXPECTATIONS, "Expectations", "Expectativas") \
    X(HOLDS, "holds", "se cumple") \
    X(FALSE_LINE, "false", "no se cumple") \
    X(NOT_JUDGED, "not judged", "sin evaluar") \
    X(SAW, "Saw", "Visto") \
    X(LINE, "Line", "Línea") \
    X(PHASES, "Where the time went", "En qué se fue el tiempo") \
    X(OBSERVATIONS, "Observations", "Observaciones") \
    X(HISTORY, "History", "Historial") \
    X(SPAN, "Span", "Período") \
    X(GOOD_SHARE, "Good", "Bien") \
    X(MEASURED, "Measured", "Medido") \
    X(MEASURED_OF, "{} of {} {}", "{} de {} {}") \
    X(HOURS, "h", "h") \
    X(DAYS, "d", "d") \
    X(NOT_MEASURED, "not measured", "sin medir") \
    X(DOWNTIME, "Down", "Caída") \
    X(DOWNTIME_IN, "{} in {}", "{} en {}") \
    X(RESULTS, "Results", "Resultados") \
    X(RECENT_RESULTS, "Recent results", "Resultados recientes") \
    X(LATENCY, "Latency", "Latencia") \
    X(CHART_LABEL, "Latency over {}: p50 between {} and {}, p95 up to {}", "Latencia en {}: p50 entre {} y {}, p95 hasta {}") \
    X(CHART_EMPTY, "No answer was timed in that time.", "No hubo respuestas en ese tiempo.") \
    X(CHART_FAILURES, "failures", "fallos") \
    X(OUTCOME_OK, "ok", "bien") \
    X(OUTCOME_WARN, "warn", "aviso") \
    X(OUTCOME_FAIL, "fail", "fallo") \
    X(OUTCOME_UNKNOWN, "unknown", "desconocido") \
    X(STATE_PENDING, "pending", "pendiente") \
    X(STATE_UP, "up", "activo") \
    X(STATE_DEGRADED, "degraded", "degradado") \
    X(STATE_SUSPECT, "suspect", "sospechoso") \
    X(STATE_DOWN, "down", "caído") \
    X(STATE_IMPACTED, "impacted", "afectado") \
    X(STATE_UNKNOWN, "unknown", "desconocido") \
    X(STATE_PAUSED, "paused", "en pausa") \
    X(OWNER, "Owner", "Responsable") \
    X(TAGS, "Tags", "Etiquetas") \
    X(LINKS, "Links", "Enlaces") \
    X(PLUGIN, "Plugin", "Plugin") \
    X(EVERY, "every {}", "cada {}") \
    X(ERROR_400, "That request makes no sense.", "Esa petición no tiene sentido.") \
    X(ERROR_401, "A password is needed.", "Hace falta una contraseña.") \
    X(ERROR_403, "That is not allowed.", "Eso no está permitido.") \
    X(ERROR_404, "There is nothing here.", "Aquí no hay nada.") \
    X(ERROR_405, "This can only be read.", "Esto solo se puede leer.") \
    X(ERROR_500, "Something went wrong here.", "Algo salió mal aquí.") \
    X(ERROR_503, "Not now. Please try again.", "Ahora no. Vuelva a intentarlo.") \
    X(ERROR_OTHER, "That cannot be answered.", "No se puede responder a eso.") \
    X(NO_SUCH_CHECK, "There is no check of that name.", "No hay ninguna comprobación con ese nombre.") \
    X(NO_SUCH_INCIDENT, "There is no such incident.", "No existe ese incidente.") \
    X(BACK, "Back to the overview", "Volver al resumen")
// clang-format on

enum word {
#define X(NAME, english, spanish) W_##NAME,
    WORDS(X)
#undef X
        WORD_COUNT
};

const char *word_in(enum language, enum word);
const char *language_tag(enum language); /* "en" */
/* Of ?lang= first (NULL: not given), else of Accept-Language (RFC 9110, 12.5.4;
 * NULL: none); English where neither names one that there is. */
enum language language_for(const char *query, const char *accept);
/* Which of them ?lang= names; false: none. */
bool language_parse(const char *tag, enum language *);

enum word word_of_state(enum check_state);
enum word word_of_outcome(enum outcome);
enum word word_of_incident(enum incident_state);
enum word word_of_error(unsigned http_status);

#endif
