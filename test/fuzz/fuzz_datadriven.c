/* fuzz_datadriven.c - libFuzzer: any text is a script, or refused as none.
 *
 * The first byte says of which kind. Whatever commands the script has, the group that they play
 * with does not crash; no invariant breaks (fuzz.mk: that ends the process).
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "input.h"
#include "test/datadriven/compare.h"
#include "test/datadriven/kind.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* False: the environment broke, and the script ends here. */
static bool run_block(const struct datadriven_kind *kind, void *env,
                      const struct directive *directive) {
  struct text output = {0};
  struct text difference = {0};
  bool good = kind->run(env, directive, &output) == 0;
  if (!outputs_match(directive->expected, text_string(&output), false)) {
    outputs_diff(directive->expected, text_string(&output), false, &difference);
  }
  text_free(&output);
  text_free(&difference);
  return good;
}

static void run(const struct datadriven_kind *kind, const struct script *script) {
  void *env = kind->open();
  bool good = env != NULL;
  fuzz_require(good);
  for (size_t i = 0; good && i < script->count; i++) {
    good = run_block(kind, env, &script->directives[i]);
  }
  kind->close(env);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  fuzz_input input = {data, size};
  const struct datadriven_kind *kinds[] = {&interaction_kind, &confchange_kind, &quorum_kind,
                                           &interaction_kind};
  const struct datadriven_kind *kind = kinds[input_below(&input, 4)];
  struct script script;
  struct text error = {0};
  if (script_parse(&script, (const char *)input.data, input.len, &error)) {
    run(kind, &script);
  }
  script_free(&script);
  text_free(&error);
  return 0;
}
