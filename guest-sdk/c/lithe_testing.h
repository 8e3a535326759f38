/* Unit tests without a network: a played host calls the component, which is compiled for this
 * machine. `lithe build` writes this file beside `lithe.h`.
 *
 *     #include <assert.h>
 *     #include "lithe_testing.h"
 *
 *     int main(void) {
 *       lithe_answer *answer = lithe_ask(lithe_new_request("GET", "/items/7"));
 *       assert(lithe_answer_status(answer) == 200);
 *       assert(lithe_is(lithe_answer_body(answer), "item 7"));
 *     }
 *
 * `lithe_test.sh`, which lies here, too, compiles and runs such a program. The component is built
 * as the last `lithe build` has found it: its kind and its exports are those of `lithe_kind.h`.
 *
 * The host keeps the contract's rules as far as a component can notice. What a component sends is
 * there when the function that has caused it returns. Time stands still until `lithe_advance`. A
 * mistake of the test, or of the component, ends the program and says which it is. Everything lives
 * until the program ends. */
#ifndef LITHE_TESTING_H
#define LITHE_TESTING_H

#include "lithe.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Requests -------------------------------------------------------------------------------- */

typedef struct lithe_request lithe_request;
typedef struct lithe_answer lithe_answer;

/* Returns a request for that path and query. The method is in upper case. */
lithe_request *lithe_new_request(const char *method, const char *uri);
/* Sets a header, in place of any other of that name. */
void lithe_request_header(lithe_request *request, const char *name, const char *value);
/* Sets the body. */
void lithe_request_body(lithe_request *request, lithe_text body);
/* Adds a parameter of the route. An app has those of its pattern by itself. */
void lithe_request_param(lithe_request *request, const char *name, const char *value);
/* Sets a value that middleware would have left. */
void lithe_request_local(lithe_request *request, const char *key, const char *value);
/* Makes the request a handshake that offers these protocols, with commas between them. NULL offers
 * none. */
void lithe_request_upgrade(lithe_request *request, const char *protocols);

/* Has the component answer the request. Finds an app's route as the host does, except that
 * regular expressions fit any text. The answer is 404 or 405 if no route fits. */
lithe_answer *lithe_ask(lithe_request *request);
/* Kind `error`: has the component answer for a failure of the request. */
lithe_answer *lithe_ask_error(lithe_request *request, int status, const char *message);
/* Kind `middleware`: sets what the middleware runs around. Without it, that is 404. */
void lithe_set_next(lithe_outcome *(*next)(lithe_event *event));

/* Returns the status: 101 for an upgrade. A failure is as the host answers it. */
int lithe_answer_status(const lithe_answer *answer);
/* Returns the first header of that name, in any case. Without one, `data` is NULL. */
lithe_text lithe_answer_header(const lithe_answer *answer, const char *name);
/* Returns the body. That of a stream is sent to its client. */
lithe_text lithe_answer_body(const lithe_answer *answer);

/* ---- Clients --------------------------------------------------------------------------------- */

/* The other end of a WebSocket, or of a stream. */
typedef struct lithe_client lithe_client;

/* Completes the handshake, or begins to read the stream. */
lithe_client *lithe_connect(lithe_answer *answer);
/* Asks for an upgrade of that path, and completes the handshake. */
lithe_client *lithe_connect_to(const char *uri);
/* Leaves before the handshake is complete. */
void lithe_abandon(lithe_answer *answer);
/* Sends a message. In the kind `session` it waits until the client leaves. */
void lithe_client_send(lithe_client *client, lithe_message message);
/* Sends a text message. */
void lithe_client_say(lithe_client *client, const char *text);
/* Takes the next message that the component has sent, and returns true. Returns
 * false if no message is left. */
bool lithe_client_receive(lithe_client *client, lithe_message *message);
/* Takes the next message, and returns whether it is this text. */
bool lithe_client_hears(lithe_client *client, const char *text);
/* Returns the pieces of a stream that were sent until now. */
lithe_text lithe_client_read(lithe_client *client);
/* Closes with a close frame. In the kind `session`, the session runs now, with all messages. */
void lithe_client_close(lithe_client *client, int code, const char *reason);
/* Leaves without a close frame. In the kind `session`, the session runs now, with all messages. */
void lithe_client_leave(lithe_client *client);
/* Lets so many bytes wait for the client, and refuses what is more. */
void lithe_client_limit(lithe_client *client, size_t bytes);
/* Reads all that waits, and has the component hear of it if it has found the queue full. */
void lithe_client_drain(lithe_client *client);
/* Returns the code that the connection has ended with: 1006 without a close frame, 0 if it is
 * open. */
int lithe_client_code(const lithe_client *client);
/* Returns the reason of the close frame. */
lithe_text lithe_client_reason(const lithe_client *client);
/* Returns what the session has failed with, which only the log tells. */
lithe_text lithe_client_failure(const lithe_client *client);
/* Returns the number that the component knows the socket by. */
lithe_socket lithe_client_socket(const lithe_client *client);

/* ---- The host -------------------------------------------------------------------------------- */

/* Moves the time forward. Each timer that is due by then is called, at its own time. */
void lithe_advance(uint32_t milliseconds);
/* Returns how many timers are set. */
size_t lithe_timers(void);
/* Has another version take over, which is the same code: saves, calls `begin`, restores, and has
 * the component resume each socket that is not pinned. `begin` has to put your variables back to
 * what they are when an instance begins. Returns NULL, or the reason why the version is refused. If
 * that is the component's reason not to save, `begin` is not called. */
const char *lithe_swap(void (*begin)(void));
/* Returns what the component's health check says: NULL if it is well, or has none. */
const char *lithe_check_health(void);

#ifdef __cplusplus
}
#endif

#endif
