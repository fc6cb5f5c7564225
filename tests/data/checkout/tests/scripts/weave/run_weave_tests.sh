#!/bin/bash
# Functions are called by name from the workflows and from tests/pipeline_cfg.

run_weave_lane_sweep() {
  echo "LOG_WEAVE: lane sweep"
  export WEAVE_SWEEP=1
  export TT_METAL_CLEAR_L1=1
  pytest tests/ttnn/unit_tests/operations/weave_ext/test_weave_tiles.py -k "weave_tiles" -v --timeout=420
}

run_weave_depth() {
  local fail=0
  TT_METAL_SLOW_DISPATCH_MODE=1 ./build/test/tt_metal/unit_tests_weave --gtest_filter="Depths/*" || fail=1
  return $fail
}

main() {
  run_weave_lane_sweep
  run_weave_depth
}

if [[ "${BASH_SOURCE[0]}" == "${0}" ]]; then
  main "$@"
fi
