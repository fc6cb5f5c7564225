#!/bin/bash
# Holds the files of systemd/ to systemd's own tools, in a temporary root: systemd_verify.sh SOURCE_FOLDER BIN_FOLDER
# Exit status 77: systemd-analyze is not installed here.
set -u
source_folder=$1 bin_folder=$2
failures=0

skip() { echo "skipped: $*"; exit 77; }
check() { # check DESCRIPTION COMMAND...: the command must succeed
  local description=$1
  shift
  if "$@"; then echo "ok: $description"; else echo "FAILED: $description"; failures=$((failures + 1)); fi
}

command -v systemd-analyze >/dev/null || skip "systemd-analyze is missing; install the package systemd"
root=$(mktemp -d) || exit 1
trap 'rm -rf "$root"' EXIT
units=$root/usr/lib/systemd/system
mkdir -p "$units" "$root/usr/bin" "$root/etc"

# The program at its installed place below the root: the built one, or where it is not built yet any program, since
# only its being there and executable is asked.
program=$root/usr/bin/ndreprod
if [ -x "$bin_folder/ndreprod" ]; then cp "$bin_folder/ndreprod" "$program"; else cp /bin/true "$program"; fi
for unit in ndreprod.service ndreprod.socket; do
  sed "s|=/usr/bin/|=$root/usr/bin/|" "$source_folder/systemd/$unit" >"$units/$unit"
done

# Unknown keys and sections are warnings with exit status 0, so any word counts.
verified() {
  local said
  said=$(SYSTEMD_UNIT_PATH="$units:" systemd-analyze verify --man=no "$@" 2>&1) || { echo "$said"; return 1; }
  [ -z "$said" ] || { echo "$said"; return 1; }
}
refused() { ! verified "$@" >/dev/null; }

check "the units are good" verified "$units/ndreprod.service" "$units/ndreprod.socket"
# That the check can fail: a key that systemd does not know, and a program that is not there.
mkdir "$root/spoilt"
sed 's/^WatchdogSec=/WatchDogSec=/' "$units/ndreprod.service" >"$root/spoilt/ndreprod.service"
check "a misspelt key would be seen" refused "$root/spoilt/ndreprod.service"
sed "s|/usr/bin/ndreprod|/usr/bin/ndreprod-gone|" "$units/ndreprod.service" >"$root/spoilt/ndreprod.service"
check "a missing program would be seen" refused "$root/spoilt/ndreprod.service"

has() { grep -qx "$2" "$source_folder/systemd/$1"; }
for line in Type=notify NotifyAccess=main Delegate=yes KillMode=process WatchdogSec=30 \
  TimeoutStartSec=infinity OOMPolicy=continue RuntimeDirectoryPreserve=yes User=ndreprod 'ExecStart=/usr/bin/ndreprod serve --system'; do
  check "the service has $line" has ndreprod.service "$line"
done
check "the unix socket is the group's" has ndreprod.socket SocketMode=0660
check "TCP is for this host only" has ndreprod.socket ListenStream=127.0.0.1:8742

if command -v systemd-sysusers >/dev/null && command -v systemd-tmpfiles >/dev/null && [ "$(id -u)" = 0 ]; then
  check "sysusers makes the account" \
    systemd-sysusers --root="$root" "$source_folder/systemd/ndreprod.sysusers"
  check "the account is locked away from logins" \
    grep -q '^ndreprod:x:[0-9]*:[0-9]*:[^:]*:/var/lib/ndreprod:.*nologin$' "$root/etc/passwd"
  made_quietly() { # a line that it cannot parse is ignored with a word and exit status 0
    local said
    if said=$(systemd-tmpfiles --root="$root" --create "$1" 2>&1) && [ -z "$said" ]; then return 0; fi
    echo "$said"
    return 1
  }
  check "tmpfiles makes the folders" made_quietly "$source_folder/systemd/ndreprod.tmpfiles"
  id=$(sed -n 's/^ndreprod:x:\([0-9]*\):.*/\1/p' "$root/etc/passwd")
  mode_of() { # mode_of FOLDER MODE [UID]
    [ "$(stat -c '%a %u' "$root$1")" = "$2 ${3:-$id}" ] || { stat -c '%a %u' "$root$1"; return 1; }
  }
  check "only root may change the configuration" mode_of /etc/ndreprod 755 0
  check "/run/ndreprod is the group's to enter" mode_of /run/ndreprod 750
  check "/var/lib/ndreprod is the group's to enter" mode_of /var/lib/ndreprod 750
  check "new cases keep the group" mode_of /var/lib/ndreprod/cases 2770
  (umask 077 && mkdir "$root/var/lib/ndreprod/cases/new")
  group_may_write() { [ "$(stat -c '%A %g' "$1")" = "drwxrws--- $(stat -c %g "$root/var/lib/ndreprod")" ]; }
  check "the group may write a new case, whatever the umask" group_may_write "$root/var/lib/ndreprod/cases/new"
else
  echo "left out, needs root and systemd-sysusers: the account and the folders"
fi

if "$bin_folder/ndreprod" check-config --help >/dev/null 2>&1; then
  check "the program reads the example configuration" \
    "$bin_folder/ndreprod" check-config --system --config "$source_folder/systemd/ndreprod.yaml"
fi
[ "$failures" = 0 ] || { echo "$failures failed"; exit 1; }
