/* JSON: for bodies, attachments and what a component saves. `lithe.h` includes this file.
 *
 *     lithe_writer *json = lithe_write_json();
 *     lithe_write_object(json);
 *     lithe_write_name(json, lithe_str("id"));
 *     lithe_write_integer(json, 42);
 *     lithe_write_end(json);
 *     return lithe_respond_json(200, lithe_written(json)); */
#ifndef LITHE_JSON_H
#define LITHE_JSON_H

#include "lithe.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Reading --------------------------------------------------------------------------------- */

typedef enum lithe_json_type {
  /* The value does not exist, or the text is not JSON. */
  LITHE_JSON_ABSENT = 0,
  LITHE_JSON_NULL,
  LITHE_JSON_BOOL,
  LITHE_JSON_NUMBER,
  LITHE_JSON_STRING,
  LITHE_JSON_ARRAY,
  LITHE_JSON_OBJECT,
} lithe_json_type;

/* A value in a JSON text. It points into the text, and is valid until your function returns, if the
 * text is. */
typedef struct lithe_json {
  lithe_json_type type;
  lithe_text text;
  /* For the SDK: where the arrays and objects of the text end. */
  const struct lithe_json_parts *parts;
} lithe_json;

/* Reads a whole text as JSON. The value is absent if the text is not JSON, or is nested deeper than
 * 128 levels. */
lithe_json lithe_json_read(lithe_text text);
/* Reads the body as JSON, writes it to `*value`, and returns NULL. Otherwise `*value` stays as it
 * was, and the function returns a failure for you to return: with 400, which names the line and the
 * column in bytes where the body is not JSON, or with 413 if the body is larger than 128 KiB or
 * `lithe_limit_body` says. */
lithe_outcome *lithe_json_body(lithe_event *event, lithe_json *value);

/* Returns a field of an object: the last one of that name. It is absent if the object has no such
 * field, or the value is not an object. */
lithe_json lithe_json_field(lithe_json object, const char *name);
/* Reads the next field of an object. `*at` is 0 before the first one. Returns false behind the last
 * one, and if the value is not an object. */
bool lithe_json_next_field(lithe_json object, size_t *at, lithe_text *name, lithe_json *value);
/* Reads the next item of an array, as `lithe_json_next_field` does. */
bool lithe_json_next_item(lithe_json array, size_t *at, lithe_json *item);

/* The next functions write a value to their last argument, and return true. They return false, and
 * write nothing, if the value is of another type. */

bool lithe_json_string(lithe_json value, lithe_text *string);
/* A number with a fraction or an exponent is not an integer. */
bool lithe_json_integer(lithe_json value, int64_t *integer);
/* What is too large for a `double`, such as `1e999`, is not a number. */
bool lithe_json_number(lithe_json value, double *number);
bool lithe_json_bool(lithe_json value, bool *is_true);

/* ---- Writing --------------------------------------------------------------------------------- */

/* Writes JSON without spaces, piece by piece, and puts the commas. */
typedef struct lithe_writer lithe_writer;

/* Begins a JSON text. */
lithe_writer *lithe_write_json(void);
/* Begins an object: each of its values comes after `lithe_write_name`. */
void lithe_write_object(lithe_writer *writer);
/* Begins an array. */
void lithe_write_array(lithe_writer *writer);
/* Ends the object or the array that was begun last. */
void lithe_write_end(lithe_writer *writer);
void lithe_write_name(lithe_writer *writer, lithe_text name);
void lithe_write_string(lithe_writer *writer, lithe_text string);
void lithe_write_integer(lithe_writer *writer, int64_t integer);
/* What is not a number in JSON, such as an infinity, is written as `null`. */
void lithe_write_number(lithe_writer *writer, double number);
void lithe_write_bool(lithe_writer *writer, bool is_true);
void lithe_write_null(lithe_writer *writer);
/* Returns what has been written. It is valid until something more is. */
lithe_text lithe_written(const lithe_writer *writer);

#ifdef __cplusplus
}
#endif

#endif
