/* launch/schema.c: the field table as a JSON Schema. */
#include "launch/schema.h"

#include <string.h>

#include "launch/fields.h"

/* A text whose value comes later: {{name}} or ${name}. */
#define LATER "\\{\\{|\\$\\{"

struct schema {
    struct arena *a;
    struct jval *defs;
};

static struct jval *typed(struct schema *s, const char *type)
{
    struct jval *v = jval_new_object(s->a);

    jval_set_cstr(s->a, v, "type", type);
    return v;
}

/* {"type": [@type, "string"], "pattern": @pattern}: the pattern is for texts only. */
static struct jval *or_text(struct schema *s, const char *type, const char *pattern)
{
    struct jval *v = jval_new_object(s->a), *types = jval_new_array(s->a);

    jval_push(s->a, types, jval_new_cstr(s->a, type));
    jval_push(s->a, types, jval_new_cstr(s->a, "string"));
    jval_set(s->a, v, "type", types);
    jval_set_cstr(s->a, v, "pattern", pattern);
    return v;
}

static struct jval *any_of(struct schema *s, const struct jval *first, const struct jval *second)
{
    struct jval *v = jval_new_object(s->a), *list = jval_new_array(s->a);

    jval_push(s->a, list, first);
    jval_push(s->a, list, second);
    jval_set(s->a, v, "anyOf", list);
    return v;
}

static struct jval *list_of(struct schema *s, const struct jval *items)
{
    struct jval *v = typed(s, "array");

    jval_set(s->a, v, "items", items);
    return v;
}

static struct jval *map_of(struct schema *s, const struct jval *values)
{
    struct jval *v = typed(s, "object");

    jval_set(s->a, v, "additionalProperties", values);
    return v;
}

static struct jval *reference(struct schema *s, const char *name)
{
    struct jval *v = jval_new_object(s->a);

    jval_set_cstr(s->a, v, "$ref", arena_printf(s->a, "#/$defs/%s", name));
    return v;
}

/* The known values are offered, others taken: such lists grow. */
static struct jval *enumeration(struct schema *s, const char *const *values)
{
    struct jval *names = jval_new_array(s->a), *known = jval_new_object(s->a);

    for (size_t i = 0; values[i]; i++) {
        if (values[i][0])
            jval_push(s->a, names, jval_new_cstr(s->a, values[i]));
    }
    jval_set(s->a, known, "enum", names);
    return any_of(s, known, or_text(s, "integer", "."));
}

static struct jval *environment(struct schema *s)
{
    struct jval *either = any_of(s, typed(s, "string"), reference(s, "EnvVarFrom"));

    return any_of(s, list_of(s, reference(s, "EnvVar")), map_of(s, either));
}

static struct jval *field_schema(struct schema *s, const struct field *f)
{
    struct jval *v;

    switch (f->type) {
    case FIELD_STRING:
        return typed(s, "string");
    case FIELD_GS_URI:
        v = typed(s, "string");
        jval_set_cstr(s->a, v, "pattern", "^gs://|" LATER);
        return v;
    case FIELD_BOOL:
        return or_text(s, "boolean", LATER);
    case FIELD_INT32:
    case FIELD_INT64:
        v = or_text(s, "integer", "^-?[0-9]+$|" LATER);
        jval_set_int(s->a, v, "minimum", f->min);
        return v;
    case FIELD_DURATION:
        return any_of(s, or_text(s, "number", "^[0-9]+(\\.[0-9]+)?s$|" LATER), reference(s, "Duration"));
    case FIELD_ENUM:
        return enumeration(s, f->enum_values);
    case FIELD_STRINGS:
        return list_of(s, typed(s, "string"));
    case FIELD_LABELS:
        return map_of(s, typed(s, "string"));
    case FIELD_ENV:
        return environment(s);
    case FIELD_MESSAGE:
        return reference(s, f->message->name);
    case FIELD_MESSAGES:
        return list_of(s, reference(s, f->message->name));
    case FIELD_OUTPUT_URI:
        return any_of(s, typed(s, "string"), reference(s, "GcsDestination"));
    }
    return typed(s, "string");
}

/* A definition while it is made. */
struct definition {
    const char *name;
    struct jval *properties;
};

/* Under both spellings. null stands for "not given". */
static void add_property(struct schema *s, const struct definition *d, const char *name, struct jval *v,
                         const char *about)
{
    struct jval *either = any_of(s, v, typed(s, "null"));
    char camel[64];

    if (about)
        jval_set_cstr(s->a, either, "description", about);
    jval_set(s->a, d->properties, name, either);
    if (str_find(str_of(name), STR("_")) >= 0)
        jval_set(s->a, d->properties, name_camel(name, camel),
                 reference(s, arena_printf(s->a, "%s/properties/%s", d->name, name)));
}

static struct jval *closed(struct schema *s, struct jval *properties)
{
    struct jval *v = typed(s, "object");

    jval_set(s->a, v, "properties", properties);
    jval_set_bool(s->a, v, "additionalProperties", false);
    return v;
}

/* {"anyOf": [{"required": [snake]}, {"required": [camel]}]} */
static struct jval *needed(struct schema *s, const char *name)
{
    const char *spellings[] = { name, name_camel(name, arena_alloc(s->a, 64)) };
    struct jval *one[2];

    for (size_t i = 0; i < 2; i++) {
        struct jval *names = jval_new_array(s->a);

        one[i] = jval_new_object(s->a);
        jval_push(s->a, names, jval_new_cstr(s->a, spellings[i]));
        jval_set(s->a, one[i], "required", names);
    }
    return strcmp(spellings[0], spellings[1]) == 0 ? one[0] : any_of(s, one[0], one[1]);
}

static void add_message(struct schema *s, const struct message *m)
{
    const struct definition d = { .name = m->name, .properties = jval_new_object(s->a) };
    struct jval *v = closed(s, d.properties), *all = jval_new_array(s->a);

    if (jval_get(s->defs, m->name))
        return;
    jval_set(s->a, s->defs, m->name, v);
    for (size_t i = 0; i < m->len; i++) {
        const struct field *f = &m->fields[i];

        if (f->message)
            add_message(s, f->message);
        add_property(s, &d, f->name, field_schema(s, f), f->about);
        if (f->required)
            jval_push(s->a, all, needed(s, f->name));
    }
    if (jval_len(all) > 0)
        jval_set(s->a, v, "allOf", all);
}

/* --- env, as convert_env() takes it --------------------------------------------------------------------- */

static void add_environment(struct schema *s)
{
    static const struct field ref_fields[] = {
        { "name", FIELD_STRING, .required = true,
          .about = "NAME, NAME:VERSION, or projects/P/secrets/NAME[/versions/VERSION]." },
        { "key", FIELD_STRING, .about = "A version, or a member of the payload when that is a JSON object." },
    };
    static const struct message ref = { "SecretRef", ref_fields, ARRAY_LEN(ref_fields) };
    static const struct field source_fields[] = {
        { "secret_key_ref", FIELD_MESSAGE, .required = true, .message = &ref,
          .about = "A secret in Google Secret Manager." },
    };
    static const struct message source = { "EnvVarSource", source_fields, ARRAY_LEN(source_fields) };
    static const struct field from_fields[] = {
        { "value_from", FIELD_MESSAGE, .required = true, .message = &source, .about = "Where the value is." },
    };
    static const struct message from = { "EnvVarFrom", from_fields, ARRAY_LEN(from_fields) };
    static const struct field var_fields[] = {
        { "name", FIELD_STRING, .required = true, .about = "Letters, digits and _." },
        { "value", FIELD_STRING, .about = "A text; numbers and true need quotes." },
        { "value_from", FIELD_MESSAGE, .message = &source, .about = "Where the value is." },
    };
    static const struct message var = { "EnvVar", var_fields, ARRAY_LEN(var_fields) };
    static const struct field seconds = { "seconds", FIELD_INT64, .required = true };
    static const struct message duration = { "Duration", &seconds, 1 };
    static const struct field uri = { "output_uri_prefix", FIELD_GS_URI, .required = true,
                                      .about = "gs:// folder for the job's output." };
    static const struct message destination = { "GcsDestination", &uri, 1 };

    add_message(s, &from);
    add_message(s, &var);
    add_message(s, &duration);
    add_message(s, &destination);
}

/* --- places --------------------------------------------------------------------------------------------- */

static const char *place_definition(unsigned place)
{
    return place == PLACE_SPEC         ? "Spec"
           : place == PLACE_RUN        ? "Run"
           : place == PLACE_JOB_SPEC   ? "CustomJobSpec"
           : place == PLACE_SCHEDULING ? "Scheduling"
           : place == PLACE_ENCRYPTION ? "EncryptionSpec"
                                       : "Vertex";
}

static struct jval *add_place(struct schema *s, unsigned place)
{
    const struct definition d = { .name = place_definition(place), .properties = jval_new_object(s->a) };

    if (jval_get(s->defs, d.name))
        return reference(s, d.name);
    jval_set(s->a, s->defs, d.name, closed(s, d.properties));
    for (size_t i = 0; i < place_row_count; i++) {
        const struct field *f = &place_rows[i].field;

        if (!(place_rows[i].places & place))
            continue;
        if (f->message)
            add_message(s, f->message);
        add_property(s, &d, f->name, field_schema(s, f), f->about);
    }
    for (size_t i = 0; i < place_group_count; i++) {
        if (place_groups[i].places & place)
            add_property(s, &d, place_groups[i].name, add_place(s, place_groups[i].place),
                         place_groups[i].about);
    }
    if (place == PLACE_ROOT)
        jval_set(s->a, d.properties, "builder", typed(s, "object"));
    return reference(s, d.name);
}

/* The block as it is, or inside "vertex" or "gcp-vertex", or with these inside "resource_args". */
static struct jval *whole_config(struct schema *s)
{
    struct jval *properties = jval_new_object(s->a), *outer = jval_new_object(s->a);
    const struct jval *block = add_place(s, PLACE_ROOT);
    const struct jval *own = jval_path(s->defs, "Vertex.properties");

    for (size_t i = 0; i < jval_len(own); i++)
        jval_set_str(s->a, properties, jval_key_at(own, i), jval_at(own, i));
    jval_set(s->a, outer, "vertex", block);
    jval_set(s->a, outer, "gcp-vertex", block);
    jval_set(s->a, properties, "vertex", block);
    jval_set(s->a, properties, "gcp-vertex", block);
    jval_set(s->a, properties, "resource_args", closed(s, outer));
    return closed(s, properties);
}

struct jval *queue_config_schema(struct arena *a)
{
    struct schema s = { .a = a, .defs = jval_new_object(a) };
    struct jval *out = jval_new_object(a);
    const struct jval *whole;

    add_environment(&s);
    whole = whole_config(&s);
    jval_set_cstr(a, out, "$schema", "https://json-schema.org/draft/2020-12/schema");
    jval_set_cstr(a, out, "title", "Slipway queue config");
    jval_set_cstr(a, out, "description", "How the jobs of a queue run on Vertex AI.");
    for (size_t i = 0; i < jval_len(whole); i++)
        jval_set_str(a, out, jval_key_at(whole, i), jval_at(whole, i));
    jval_set(a, out, "$defs", s.defs);
    return out;
}
