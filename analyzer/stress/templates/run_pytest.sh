# The virtual environment, unless one is active
if [ -z "${VIRTUAL_ENV:-}" ]; then
    for activate in /opt/venv/bin/activate "$REPOSITORY/python_env/bin/activate" "$REPOSITORY/.venv/bin/activate"; do
        if [ -f "$activate" ]; then
            echo "  virtual environment: $activate"
            # shellcheck disable=SC1090
            source "$activate"
            break
        fi
    done
fi
has_module() {
    "$python" -c 'import importlib.util, sys; sys.exit(importlib.util.find_spec(sys.argv[1]) is None)' "$1" 2>/dev/null
}
for python in "${NDREPRO_PYTHON:-python3}" python3 /usr/bin/python3; do
    has_module pytest && break
done
has_module pytest || usage_error "no Python here has pytest: install it, or name an interpreter in NDREPRO_PYTHON"

options=(@OPTIONS@)
if has_module pytest_timeout; then
    options+=("--timeout=$NDREPRO_TIMEOUT")
else
    echo "  note: pytest-timeout is not installed: no limit for a single test"
fi
if [ "$NDREPRO_WORKERS" -gt 1 ]; then
    has_module xdist || usage_error "--workers above 1 needs pytest-xdist"
    options+=(-n "$NDREPRO_WORKERS" --max-worker-restart=0)
fi
[ -z "$NDREPRO_FILTER" ] || options+=(-k "$NDREPRO_FILTER")

# As CI: from the root of the checkout, with its settings of pytest
cd "$REPOSITORY" || usage_error "cannot enter $REPOSITORY"
export PYTHONDONTWRITEBYTECODE=1

# No `set -e` and no pipe: the exit status is pytest's
"$python" -m pytest "$SCRIPT_DIR"/@TEST_FILE@ -c @SETTINGS@ --rootdir="$SCRIPT_DIR" -p no:cacheprovider \
    -x -v "${options[@]}" "$@"
test_result=$?
