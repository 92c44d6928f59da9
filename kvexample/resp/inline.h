/* inline.h - splits a line of words, some of them in quotes, for the request parser.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef KV_RESP_INLINE_H
#define KV_RESP_INLINE_H

#include "resp/parser.h"

typedef enum kv_words { KV_WORDS_OK, KV_WORDS_UNBALANCED, KV_WORDS_NO_MEMORY } kv_words;

/* Adds every word of line[0, len) to the parser's arguments. Words may be in "double quotes", with
 * the escapes \n \r \t \b \a \\ \" and \xHH, or in 'single quotes', with \'. They are unquoted in
 * place: the result is never longer. UNBALANCED: a quote is not closed, or not followed by a blank.
 */
kv_words kv_resp_split_words(kv_resp_parser *parser, char *line, size_t len);

/* The parser's part: one argument more, at this offset of its buffer. false: out of memory. */
bool kv_resp_parser_add(kv_resp_parser *parser, size_t offset, size_t len);

#endif
