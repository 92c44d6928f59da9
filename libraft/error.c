/* error.c - every error code as a sentence.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <libraft/error.h>

#include <stddef.h>

typedef struct error_text {
  int code;
  const char *text;
} error_text;

static const error_text error_texts[] = {
    {RAFT_OK, "success"},
    {RAFT_ENOMEM, "out of memory; the call or message is lost, the node is fine"},
    {RAFT_EINVAL, "an argument cannot be right"},
    {RAFT_ECONFIG, "an option of the configuration is out of its range"},
    {RAFT_EUSAGE, "the call is out of order"},
    {RAFT_ECOMPACTED, "requested index is unavailable due to compaction"},
    {RAFT_EUNAVAILABLE, "requested entry at index is unavailable"},
    {RAFT_ESNAPSHOT_OUT_OF_DATE, "requested index is older than the existing snapshot"},
    {RAFT_ESNAPSHOT_UNAVAILABLE, "snapshot is temporarily unavailable"},
    {RAFT_ESTEP_LOCAL, "raft: cannot step raft local message"},
    {RAFT_EPEER_NOT_FOUND, "raft: cannot step as peer not found"},
    {RAFT_EMALFORMED, "the fields of a message contradict each other or the protocol"},
    {RAFT_ELOG_LOST, "a leader has committed what this log does not hold: log data was lost"},
    {RAFT_ESNAPSHOT_REQUEST, "a snapshot cannot be asked for now"},
    {RAFT_ENOT_EMPTY, "the storage to bootstrap already holds something"},
    {RAFT_EDROPPED_NO_LEADER, "raft proposal dropped: there is no leader"},
    {RAFT_EDROPPED_TRANSFERRING, "raft proposal dropped: the leader is handing over"},
    {RAFT_EDROPPED_UNCOMMITTED, "raft proposal dropped: too many bytes are uncommitted"},
    {RAFT_EDROPPED_REMOVED, "raft proposal dropped: the leader left the configuration"},
    {RAFT_EDROPPED_FORWARDING_OFF, "raft proposal dropped: forwarding to the leader is disabled"},
    {RAFT_EREAD_NO_LEADER, "read abandoned: there is no leader"},
    {RAFT_EREAD_STEPPED_DOWN, "read abandoned: the leader stepped down"},
    {RAFT_EREAD_TOO_MANY, "read abandoned: too many reads are pending"},
    {RAFT_ECONF_ALREADY_JOINT, "config is already joint"},
    {RAFT_ECONF_ZERO_VOTERS_JOINT, "can't make a zero-voter config joint"},
    {RAFT_ECONF_NOT_JOINT, "can't leave a non-joint config"},
    {RAFT_ECONF_SIMPLE_IN_JOINT, "can't apply simple config change in joint config"},
    {RAFT_ECONF_MORE_THAN_ONE, "more than one voter changed without entering joint config"},
    {RAFT_ECONF_NO_VOTERS, "removed all voters"},
    {RAFT_ECONF_TYPE, "unexpected type of configuration change"},
    {RAFT_ECONF_OVERTAKEN, "the change is part of a snapshot that has come in since"},
    {RAFT_EDECODE, "the bytes are no such message"},
    {RAFT_ELIMIT, "the bytes exceed the decoder's limits"},
    {RAFT_ENOSPACE, "the buffer is too small"},
    {RAFT_FATAL, "fatal error: the node is unusable"},
    {RAFT_EINVARIANT, "libraft broke one of its own invariants: the node is unusable"},
    {RAFT_ESTORAGE, "the storage failed or gave an impossible answer: the node is unusable"},
};

const char *raft_error_string(int code) {
  for (size_t i = 0; i < sizeof(error_texts) / sizeof(error_texts[0]); i++) {
    if (error_texts[i].code == code) {
      return error_texts[i].text;
    }
  }
  return "unknown error code";
}
