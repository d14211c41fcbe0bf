# debian-source.sh: for scripts that build a static library out of a Debian source package; sourced, not run.
# shellcheck shell=sh disable=SC2154 # me: theirs
# They set $me, their name for messages. What is done happens in $work, a temporary folder.

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

give_up() { # give_up WHY: exit 1 with the end of the log, if there is one
    echo "$me: $1" >&2
    [ ! -s "$work/log" ] || tail -5 "$work/log" >&2
    exit 1
}

# The machine's own package sources, asked for source packages, without touching its configuration or needing root. Of the
# versions that they list the newest that is to be had is taken, and unpacked with Debian's patches in $work.
fetch_source() { # fetch_source PACKAGE
    mkdir -p "$work/parts" "$work/lists/partial" "$work/cache/archives/partial"
    cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list 2>/dev/null | sed -n 's/^deb /deb-src /p' >"$work/parts/source.list"
    cat /etc/apt/sources.list.d/*.sources 2>/dev/null | sed 's/^Types:.*/Types: deb-src/' >"$work/parts/source.sources"
    cat >"$work/apt.conf" <<END
Dir::Etc::sourcelist "-";
Dir::Etc::sourceparts "$work/parts";
Dir::State::lists "$work/lists";
Dir::Cache "$work/cache";
APT::Sandbox::User "$(id -un)";
END
    cd "$work" || exit 1
    APT_CONFIG="$work/apt.conf" apt-get -q update >log 2>&1 || true # one list that fails need not be the one with the package
    versions=$(APT_CONFIG="$work/apt.conf" apt-cache showsrc --only-source "$1" 2>/dev/null | sed -n 's/^Version: //p' | sort -rVu)
    for version in $versions; do
        APT_CONFIG="$work/apt.conf" apt-get -q source "$1=$version" >log 2>&1 && return 0
    done
    give_up "Debian's source package of $1 is not to be had"
}
