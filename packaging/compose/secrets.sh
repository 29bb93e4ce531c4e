#!/bin/sh
# Makes what compose.yaml takes from files: new passwords, and the operator's codice fiscale. A file
# that is there is left as it is. Run it as root: each file belongs to the user of its container alone.
#
#   packaging/compose/secrets.sh CODICE_FISCALE_OF_THE_OPERATOR [DIRECTORY]
set -eu

operator=${1:?"the codice fiscale of the operator in charge is missing"}
directory=${2:-$(dirname "$0")/secrets}
umask 077
mkdir -p "$directory"

# make NAME USER CONTENT: the user is that of the image.
make() {
  [ -e "$directory/$1" ] || printf '%s\n' "$3" >"$directory/$1"
  [ "$(id -u)" -ne 0 ] || chown "$2" "$directory/$1"
  chmod 0400 "$directory/$1"
}

password() { od -An -N24 -tx1 /dev/urandom | tr -d ' \n'; }

# What both ends must know is read back from the gateway's file, if it is there already.
known() { [ -e "$directory/$1" ] && cat "$directory/$1" || password; }

postgres=$(known postgres-password)
make postgres-password 10001:10001 "$postgres"
make postgres-password-server 999:999 "$postgres"

rabbitmq=$(known rabbitmq-user)
rabbitmq=${rabbitmq#raccordo:}
make rabbitmq-user 10001:10001 "raccordo:$rabbitmq"
make rabbitmq-server 999:999 "default_user = raccordo
default_pass = $rabbitmq"

make operator-H501 10001:10001 "$operator"
