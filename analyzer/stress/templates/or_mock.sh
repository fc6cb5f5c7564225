# A path of CI that is not on this host: an empty folder stands in for it.
or_mock() {
    if [ -e "$2" ]; then
        export "$1=$2"
    else
        export "$1=$SCRIPT_DIR/.ndrepro/mocks/$1"
        mkdir -p "$SCRIPT_DIR/.ndrepro/mocks/$1"
        echo "  note: $2 is not on this host; $1 is an empty folder"
    fi
}
