/* describe_text.h - text that is written into a caller's buffer, as snprintf does.
 *
 * Internal to describe*.c. A text that does not fit is cut at the buffer's end, always terminated
 * by a 0, and goes on being counted.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef RAFT_DESCRIBE_TEXT_H
#define RAFT_DESCRIBE_TEXT_H

#include <libraft/types.h>

typedef struct raft_text {
  char *buf;
  size_t size;
  size_t len; /* of the whole text so far, also of what did not fit */
} raft_text;

raft_text raft_text_begin(char *buf, size_t size);

#ifdef __GNUC__
__attribute__((format(printf, 2, 3)))
#endif
void raft_text_format(raft_text *text, const char *format, ...);
void raft_text_char(raft_text *text, char c);
void raft_text_string(raft_text *text, const char *string);

/* `bytes` as a Go string literal, like fmt's %q: in double quotes, printable Unicode as it is,
 * everything else escaped. */
void raft_text_quote(raft_text *text, raft_slice bytes);

/* Does Go print this rune as it is? Letters, marks, numbers, punctuation, symbols of Unicode 15
 * and the ASCII space. */
bool raft_rune_is_printable(uint32_t rune);

/* What describe.c, describe_message.c and describe_event.c have in common. */
void raft_text_entry(raft_text *text, const raft_entry *entry);
void raft_text_conf_state(raft_text *text, const raft_conf_state *state);
void raft_text_snapshot(raft_text *text, const raft_snapshot *snapshot);
void raft_text_message(raft_text *text, const raft_message *message);

#endif
