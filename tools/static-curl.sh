#!/bin/sh
# static-curl.sh PREFIX: libcurl.a with HTTP and HTTPS only, from the source of the Debian release at hand.
#
# Debian's libcurl.so brings LDAP, Kerberos, SSH, RTMP and a second TLS library: 33 shared objects, which take 7 MB before
# main() runs, and none of which links statically. The package's own source, its security patches applied, built for what
# the program uses, takes half a minute and is rebuilt when Debian's version or this script changes.
# Exits 0 with nothing to do, and 1, saying why, where the source is not to be had.
set -eu

prefix=$1
here=$(cd "$(dirname "$0")" && pwd)
stamp="$(dpkg-query -W -f '${Version}' libcurl4-openssl-dev) $(cat "$here/static-curl.sh" "$here/debian-source.sh" | cksum) $prefix"
[ "$(cat "$prefix/.stamp" 2>/dev/null)" = "$stamp" ] && exit 0

me=static-curl
# shellcheck source=tools/debian-source.sh
. "$here/debian-source.sh"
fetch_source curl
cd curl-*/

# Debian's patches are newer than the files that autotools made from what they patch: nothing is to be made again.
no_autotools="AUTOCONF=: AUTOMAKE=: ACLOCAL=: AUTOHEADER=:"
off="shared ldap ldaps ftp file dict telnet tftp pop3 imap smb smtp gopher mqtt rtsp ntlm ntlm-wb tls-srp aws manual docs
alt-svc hsts cookies dateparse"
without="brotli zstd libpsl librtmp libidn2 libssh2 gssapi ngtcp2"
# c-ares resolves names: glibc's resolver loads shared objects, which a static program can't.
# shellcheck disable=SC2046,SC2086 # lists of words
./configure --prefix="$prefix" --libdir="$prefix/lib" --enable-static --enable-ares --with-openssl --with-nghttp2 --with-zlib \
    --with-ca-bundle=/etc/ssl/certs/ca-certificates.crt --with-ca-path=/etc/ssl/certs \
    $(printf -- '--disable-%s ' $off) $(printf -- '--without-%s ' $without) $no_autotools >"$work/log" 2>&1 ||
    give_up "curl's configure failed"
# shellcheck disable=SC2086
make -C lib -j"$(nproc)" CFLAGS="-O2 -fPIE -fstack-protector-strong -D_FORTIFY_SOURCE=2" $no_autotools >"$work/log" 2>&1 ||
    give_up "curl did not build"
rm -rf "$prefix"
# shellcheck disable=SC2086
{ make -C lib install $no_autotools && make -C include install $no_autotools && make install-pkgconfigDATA $no_autotools; } \
    >"$work/log" 2>&1 || give_up "curl could not be put into $prefix"
printf '%s\n' "$stamp" >"$prefix/.stamp"
