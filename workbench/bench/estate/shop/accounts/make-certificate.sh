#!/bin/sh
# Make the certificate under which tokens are issued, with the JDK's keytool; CERT_VALIDITY in days.
set -eu
: "${CERT_FILE:=data/certificate.pem}"
mkdir -p "$(dirname "$CERT_FILE")"
store=$(mktemp -u)
keytool -J-XX:TieredStopAtLevel=1 -genkeypair -keystore "$store" -storepass example-only -alias shop -dname CN=accounts \
  -keyalg EC -groupname secp256r1 -startdate "${CERT_START:--1d}" -validity "${CERT_VALIDITY:-90}" 2>/dev/null
keytool -J-XX:TieredStopAtLevel=1 -exportcert -rfc -keystore "$store" -storepass example-only -alias shop 2>/dev/null >"$CERT_FILE.new"
mv "$CERT_FILE.new" "$CERT_FILE"
rm -f "$store"
