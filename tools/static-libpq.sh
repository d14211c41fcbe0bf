#!/bin/sh
# static-libpq.sh PREFIX: libpq.a with TLS and passwords, from the source of the Debian release at hand.
#
# Debian's libpq brings Kerberos and LDAP, which do not link statically. The package's own source, its security patches
# applied, without those takes a minute, and is built again when Debian's version or this script changes.
# Exits 0 with nothing to do, and 1, saying why, where the source is not to be had.
set -eu

prefix=$1
here=$(cd "$(dirname "$0")" && pwd)
stamp="$(dpkg-query -W -f '${Version}' libpq-dev) $(cat "$here/static-libpq.sh" "$here/debian-source.sh" | cksum) $prefix"
[ "$(cat "$prefix/.stamp" 2>/dev/null)" = "$stamp" ] && exit 0

me=static-libpq
# shellcheck source=tools/debian-source.sh
. "$here/debian-source.sh"
fetch_source "$(dpkg-query -W -f '${source:Package}' libpq-dev)"
cd postgresql-*/

./configure --prefix="$prefix" --without-readline --without-zlib --with-openssl >"$work/log" 2>&1 || give_up "libpq's configure failed"
# COPT is added to each file's own flags, some of which choose the processor's instructions.
for part in "interfaces/libpq all-static-lib" common port; do
    # shellcheck disable=SC2086 # a folder and a target
    make -j"$(nproc)" COPT="-fPIE -fstack-protector-strong" -C src/$part >"$work/log" 2>&1 || give_up "libpq did not build"
done
rm -rf "$prefix"
mkdir -p "$prefix/lib/pkgconfig" "$prefix/include"
cp src/interfaces/libpq/libpq.a src/common/libpgcommon_shlib.a src/port/libpgport_shlib.a "$prefix/lib/"
cp src/interfaces/libpq/libpq-fe.h src/include/postgres_ext.h src/include/pg_config_ext.h "$prefix/include/"
cat >"$prefix/lib/pkgconfig/libpq.pc" <<END
Name: libpq
Description: the client library of PostgreSQL, for static linking
Version: $(sed -n 's/^VERSION = //p' src/Makefile.global)
Requires: libssl libcrypto
Libs: -L$prefix/lib -lpq -lpgcommon_shlib -lpgport_shlib
Cflags: -I$prefix/include
END
printf '%s\n' "$stamp" >"$prefix/.stamp"
