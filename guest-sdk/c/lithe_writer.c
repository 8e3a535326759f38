/* Writing JSON. */

#include "lithe_internal.h"

struct lithe_writer {
  char *data;
  size_t size;
  size_t capacity;
  /* Whether a value stands before the next one, in the same array or object. */
  bool needs_comma;
  /* The brackets that are to come, the next one last. */
  char ends[MAX_DEPTH];
  int depth;
};

static void drop_writer(void *memory) { free(((lithe_writer *)memory)->data); }

lithe_writer *lithe_write_json(void) {
  lithe_writer *writer = allocate(sizeof *writer);
  memset(writer, 0, sizeof *writer);
  keep(writer, drop_writer);
  return writer;
}

static void put(lithe_writer *writer, const char *data, size_t size) {
  if (writer->capacity - writer->size < size) {
    writer->capacity = 2 * writer->capacity + size + 64;
    writer->data = realloc(writer->data, writer->capacity);
    if (!writer->data) abort();
  }
  memcpy(writer->data + writer->size, data, size);
  writer->size += size;
}

static void put_str(lithe_writer *writer, const char *string) {
  put(writer, string, strlen(string));
}

/* Begins a value. */
static void put_comma(lithe_writer *writer) {
  if (writer->needs_comma) put(writer, ",", 1);
  writer->needs_comma = true;
}

static void begin(lithe_writer *writer, const char *bracket, char end) {
  if (writer->depth == MAX_DEPTH) trap("JSON is written deeper than 128 levels");
  put_comma(writer);
  put(writer, bracket, 1);
  writer->ends[writer->depth++] = end;
  writer->needs_comma = false;
}

void lithe_write_object(lithe_writer *writer) { begin(writer, "{", '}'); }

void lithe_write_array(lithe_writer *writer) { begin(writer, "[", ']'); }

void lithe_write_end(lithe_writer *writer) {
  if (!writer->depth) trap("`lithe_write_end` has no array and no object to end");
  put(writer, &writer->ends[--writer->depth], 1);
  writer->needs_comma = true;
}

static void put_string(lithe_writer *writer, lithe_text string) {
  put(writer, "\"", 1);
  for (size_t i = 0; i < string.size; i++) {
    unsigned char byte = (unsigned char)string.data[i];
    char escaped[8];
    if (byte == '"' || byte == '\\') {
      put(writer, "\\", 1);
    } else if (byte < 0x20) {
      put(writer, escaped, (size_t)sprintf(escaped, "\\u%04x", byte));
      continue;
    }
    put(writer, &string.data[i], 1);
  }
  put(writer, "\"", 1);
}

void lithe_write_name(lithe_writer *writer, lithe_text name) {
  put_comma(writer);
  put_string(writer, name);
  put(writer, ":", 1);
  writer->needs_comma = false;
}

void lithe_write_string(lithe_writer *writer, lithe_text string) {
  put_comma(writer);
  put_string(writer, string);
}

void lithe_write_integer(lithe_writer *writer, int64_t integer) {
  char digits[24];
  put_comma(writer);
  put(writer, digits, (size_t)sprintf(digits, "%lld", (long long)integer));
}

void lithe_write_number(lithe_writer *writer, double number) {
  char digits[32];
  put_comma(writer);
  /* An infinity less itself is not a number, and nothing that is not one equals itself. */
  bool is_number = number - number == 0;
  if (is_number) {
    put(writer, digits, (size_t)sprintf(digits, "%.17g", number));
  } else {
    put_str(writer, "null");
  }
}

void lithe_write_bool(lithe_writer *writer, bool is_true) {
  put_comma(writer);
  put_str(writer, is_true ? "true" : "false");
}

void lithe_write_null(lithe_writer *writer) {
  put_comma(writer);
  put_str(writer, "null");
}

lithe_text lithe_written(const lithe_writer *writer) {
  return (lithe_text){writer->size ? writer->data : "", writer->size};
}
