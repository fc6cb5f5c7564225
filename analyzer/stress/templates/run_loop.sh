cd "$REPOSITORY" || usage_error "cannot enter $REPOSITORY"

# No `set -e` and no pipe: the exit status is the test's. Copies beside each other: the first that fails counts.
"$SCRIPT_DIR"/@LOOP_FILE@ "$@" &
copies=($!)
trap 'kill -TERM "${copies[@]}" 2>/dev/null' INT TERM
for ((copy = 1; copy < NDREPRO_WORKERS; copy++)); do
    "$SCRIPT_DIR"/@LOOP_FILE@ "$@" &
    copies+=($!)
done
test_result=0
for copy in "${copies[@]}"; do
    wait "$copy"
    status=$?
    if [ "$status" -ne 0 ] && [ "$test_result" -eq 0 ]; then
        test_result=$status
    fi
done
