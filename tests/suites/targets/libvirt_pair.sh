#!/usr/bin/env bash
# Two libvirtd with QEMU, each with folders, a host name and a network namespace of its own on one bridge:
#   libvirt_pair.sh up FOLDER TAG SUBNET   h1 and h2 at SUBNET.1 and .2, reached by qemu+tcp from this machine
#   libvirt_pair.sh kill FOLDER HOST       kill -9 of a host with everything on it: its power is cut
#   libvirt_pair.sh down FOLDER TAG        all of it, whatever is left
# TAG names interfaces: at most 8 characters.
set -euo pipefail
verb=$1 folder=$2
# shellcheck source=hosts.sh
. "$(dirname "$0")/hosts.sh"

# No encryption and no login: nobody but this machine is on the bridge.
settings() {
  local home=$1 subnet=$2 i=$3
  mkdir -p "$home"/{run,lib,etc,cache,log}
  printf '%s\n' 'listen_tls = 0' 'listen_tcp = 1' "listen_addr = \"$subnet.$i\"" 'auth_tcp = "none"' \
    'auth_unix_rw = "none"' 'unix_sock_group = "root"' "host_uuid = \"00000000-0000-4000-8000-00000000000$i\"" \
    >"$home/etc/libvirtd.conf"
  printf '%s\n' 'user = "root"' 'group = "root"' 'security_driver = "none"' 'dynamic_ownership = 0' 'remember_owner = 0' \
    'namespaces = []' 'cgroup_controllers = []' 'stdio_handler = "file"' "migration_host = \"$subnet.$i\"" \
    >"$home/etc/qemu.conf"
}

daemon() {
  local tag=$1 i=$2 home=$folder/h$2
  # shellcheck disable=SC2016 # the inner shell expands it
  setsid nsenter --net="/run/netns/$tag-n$i" unshare --mount --uts --propagation private bash -c '
    hostname "$2"
    for pair in run:/run lib:/var/lib etc:/etc cache:/var/cache log:/var/log; do
      mkdir -p "${pair#*:}/libvirt" && mount --bind "$1/${pair%%:*}" "${pair#*:}/libvirt"
    done
    exec libvirtd --listen --config /etc/libvirt/libvirtd.conf --pid-file /run/libvirt/d.pid
  ' bash "$home" "h$i" >"$home.log" 2>&1 </dev/null &
}

answers() {
  local at=$1 n
  for ((n = 0; n < 300; n++)); do
    virsh --quiet --connect "qemu+tcp://$at/system" nodememstats >/dev/null 2>&1 && return
    sleep 0.1
  done
  cat "$folder"/h?.log >&2
  return 1
}

kill_host() {
  local file
  for file in "$folder/$1/run/d.pid" "$folder/$1"/run/qemu/*.pid; do
    [[ -e $file ]] && kill -9 "$(cat "$file")" 2>/dev/null
  done
  return 0
}

down() {
  local tag=$1 i
  for i in 1 2; do
    kill_host "h$i"
  done
  hosts_down "$tag" 2
}

case $verb in
  up)
    hosts_up "$3" "$4" 2
    for i in 1 2; do settings "$folder/h$i" "$4" "$i" && daemon "$3" "$i"; done
    for i in 1 2; do answers "$4.$i"; done
    ;;
  kill) kill_host "$3" ;;
  down) down "$3" ;;
esac
