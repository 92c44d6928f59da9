/* describe_event.c - what a node told its log callback, as a line for people.
 *
 * Each event has a template. `%` and a letter stand for a value of the event:
 *
 *   %i  the node, hexadecimal           %v  the vote request's name (b: pre-vote)
 *   %p  the peer, hexadecimal           %m  the name of message type a
 *   %t  the term                        %s  the name of progress state b
 *   %x  the index                       %e  what error code -a means
 *   %a  a                               %b  b
 *
 * Where a or b decides about the wording there is a template for each of its values.
 * The words are the model's wherever it says the same.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <libraft/describe.h>

#include <inttypes.h>

#include "describe_text.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static const char *const templates[RAFT_EVENT_COUNT] = {
    [RAFT_EVENT_STARTED] = "newRaft %i [term: %t, commit: %a, applied: %b, lastindex: %x]",
    [RAFT_EVENT_BECAME_FOLLOWER] = "%i became follower at term %t",
    [RAFT_EVENT_BECAME_PRE_CANDIDATE] = "%i became pre-candidate at term %t",
    [RAFT_EVENT_BECAME_CANDIDATE] = "%i became candidate at term %t",
    [RAFT_EVENT_BECAME_LEADER] = "%i became leader at term %t",
    [RAFT_EVENT_ELECTION_STARTED] = "%i is starting a new election at term %t",
    [RAFT_EVENT_VOTE_REQUESTED] = "%i [logterm: %a, index: %x] sent %v request to %p at term %t",
    [RAFT_EVENT_VOTE_CAST] = "%i cast %v for %p [logterm: %a, index: %x] at term %t",
    [RAFT_EVENT_VOTE_REJECTED] = "%i rejected %v from %p [logterm: %a, index: %x] at term %t",
    [RAFT_EVENT_VOTE_TALLY] = "%i has received %a votes and %b vote rejections at term %t",
    [RAFT_EVENT_VOTE_IGNORED_LEASE] =
        "%i ignored %v from %p at term %t: lease is not expired (remaining ticks: %a)",
    [RAFT_EVENT_HIGHER_TERM] =
        "%i [term: %t] received a %m message with higher term from %p [term: %b]",
    [RAFT_EVENT_LOWER_TERM] =
        "%i [term: %t] ignored a %m message with lower term from %p [term: %b]",
    [RAFT_EVENT_QUORUM_LOST] = "%i stepped down to follower at term %t since quorum is not active",
    [RAFT_EVENT_LEADER_FORGOTTEN] = "%i forgetting leader %p at term %t",
    [RAFT_EVENT_FORGET_REFUSED] = "%i ignoring MsgForgetLeader due to ReadOnlyLeaseBased",
    [RAFT_EVENT_PROPOSAL_DROPPED] = "%i dropping proposal at term %t: %e",
    [RAFT_EVENT_APPEND_REJECTED] = "%i rejected MsgApp [logterm: %a, index: %x] from %p",
    [RAFT_EVENT_APPEND_REFUSED] =
        "%i received MsgAppResp(rejected, hint: (index %a, term %b)) from %p for index %x",
    [RAFT_EVENT_LOG_CONFLICT] =
        "%i found conflict at index %x [existing term: %a, conflicting term: %b]",
    [RAFT_EVENT_LOG_TRUNCATED] = "%i replace the unstable entries from index %x",
    [RAFT_EVENT_PROGRESS_CHANGED] = "%i changed progress of %p to [%s match=%a next=%x]",
    [RAFT_EVENT_PEER_UNREACHABLE] = "%i failed to send message to %p because it is unreachable",
    [RAFT_EVENT_SNAPSHOT_SENT] = "%i sent snapshot[index: %x, term: %a] to %p",
    [RAFT_EVENT_SNAPSHOT_RESTORED] = "%i restored snapshot [index: %x, term: %a]",
    [RAFT_EVENT_CONF_SWITCHED] = "%i switched to another configuration at term %t",
    [RAFT_EVENT_CONF_AUTO_LEAVE] =
        "%i initiating automatic transition out of joint configuration at term %t",
    [RAFT_EVENT_TRANSFER_STARTED] = "%i [term %t] starts to transfer leadership to %p",
    [RAFT_EVENT_TRANSFER_ABORTED] = "%i [term %t] gives up to transfer leadership to %p",
    [RAFT_EVENT_TIMEOUT_NOW_SENT] =
        "%i sends MsgTimeoutNow to %p at term %t as %p already has up-to-date log",
    [RAFT_EVENT_TIMEOUT_NOW_RECEIVED] =
        "%i [term %t] received MsgTimeoutNow from %p and starts an election to get leadership.",
    [RAFT_EVENT_STABLE_IGNORED] =
        "%i entry at (index,term)=(%x,%a) is no longer in the unstable log; ignoring",
    [RAFT_EVENT_READ_ABANDONED] = "%i dropping read at term %t: %e",
    [RAFT_EVENT_STEPPED_DOWN_REMOVED] =
        "%i stepped down to follower at term %t since it is no longer a voter",
    [RAFT_EVENT_SNAPSHOT_WANTED] =
        "%i has no snapshot at index %x or later for %p, which asks for one; newest: %a",
    [RAFT_EVENT_COMMIT_LEARNED] =
        "%i learned at term %t from %p that entry (index,term)=(%x,%a) is committed",
    [RAFT_EVENT_POISONED] = "%i is unusable (noticed at line %b): %e",
};

static const char *const vote_received[] = {
    "%i received %vResp rejection from %p at term %t",
    "%i received %vResp from %p at term %t",
};

static const char *const cannot_campaign[] = {
    "%i can not campaign at term %t",
    "%i is unpromotable and can not campaign",
    "%i cannot campaign at term %t since there are still pending configuration changes to apply",
};

static const char *const snapshot_finished[] = {
    "%i snapshot failed, resumed sending replication messages to %p",
    "%i snapshot succeeded, resumed sending replication messages to %p",
    "%i snapshot timed out, resumed sending replication messages to %p",
};

static const char *const snapshot_ignored[] = {
    "%i ignored snapshot [index: %x, term: %a]",
    "%i ignored snapshot [index: %x, term: %a]: it does not have this node as a member",
    "%i ignored snapshot [index: %x, term: %a]: it is behind what is committed",
    "%i ignored snapshot [index: %x, term: %a]: the log already reaches it",
};

static const char *const conf_change_ignored[] = {
    "%i ignoring conf change at index %x",
    "%i ignoring conf change at index %x: another one is possibly unapplied",
    "%i ignoring conf change at index %x: must transition out of joint config first",
    "%i ignoring conf change at index %x: not in joint state; refusing empty conf change",
};

static const char *choose(const char *const *choices, size_t count, uint64_t value) {
  return value < count ? choices[value] : choices[0];
}

static const char *template_of(const raft_event *event) {
  uint64_t type = (uint64_t)event->type;
  if (type == RAFT_EVENT_VOTE_RECEIVED) {
    return choose(vote_received, COUNT_OF(vote_received), event->a);
  }
  if (type == RAFT_EVENT_CANNOT_CAMPAIGN) {
    return choose(cannot_campaign, COUNT_OF(cannot_campaign), event->a);
  }
  if (type == RAFT_EVENT_SNAPSHOT_FINISHED) {
    return choose(snapshot_finished, COUNT_OF(snapshot_finished), event->a);
  }
  if (type == RAFT_EVENT_SNAPSHOT_IGNORED) {
    return choose(snapshot_ignored, COUNT_OF(snapshot_ignored), event->b);
  }
  if (type == RAFT_EVENT_CONF_CHANGE_IGNORED) {
    return choose(conf_change_ignored, COUNT_OF(conf_change_ignored), event->a);
  }
  const char *found = type < RAFT_EVENT_COUNT ? templates[type] : NULL;
  return found != NULL ? found : "%i unknown event [peer: %p, index: %x, a: %a, b: %b] at term %t";
}

/* -a as an error code; what is not one is no known code either. */
static int error_code(const raft_event *event) {
  return event->a <= INT32_MAX ? -(int)event->a : RAFT_FATAL;
}

static void write_value(raft_text *text, const raft_event *event, char letter) {
  switch (letter) {
  case 'i': raft_text_format(text, "%" PRIx64, event->id); break;
  case 'p': raft_text_format(text, "%" PRIx64, event->peer); break;
  case 't': raft_text_format(text, "%" PRIu64, event->term); break;
  case 'x': raft_text_format(text, "%" PRIu64, event->index); break;
  case 'a': raft_text_format(text, "%" PRIu64, event->a); break;
  case 'b': raft_text_format(text, "%" PRIu64, event->b); break;
  case 'v': raft_text_string(text, event->b != 0 ? "MsgPreVote" : "MsgVote"); break;
  case 'm': raft_text_string(text, raft_message_type_name((raft_message_type)event->a)); break;
  case 's': raft_text_string(text, raft_progress_state_name((raft_progress_state)event->b)); break;
  case 'e': raft_text_string(text, raft_error_string(error_code(event))); break;
  default: raft_text_char(text, letter); break;
  }
}

size_t raft_describe_event(const raft_event *event, char *buf, size_t size) {
  raft_text text = raft_text_begin(buf, size);
  for (const char *at = template_of(event); *at != '\0'; at++) {
    if (*at == '%') {
      at++;
      write_value(&text, event, *at);
    } else {
      raft_text_char(&text, *at);
    }
  }
  return text.len;
}
