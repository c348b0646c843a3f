#!/usr/bin/env bash
# Three LXD daemons as one cluster, each with a folder and a network namespace of its own on one bridge:
#   lxd_cluster.sh up FOLDER TAG SUBNET    members m1, m2, m3 at SUBNET.1 … .3, an image `bare`, and a trusted client:
#                                          FOLDER/client.crt, client.key; the members' certificate is FOLDER/server.crt
#   lxd_cluster.sh kill FOLDER MEMBER      kill -9 of a member with everything on it: its power is cut
#   lxd_cluster.sh down FOLDER TAG         all of it, whatever is left
# TAG names interfaces: at most 8 characters.
set -euo pipefail
verb=$1 folder=$2
# shellcheck source=hosts.sh
. "$(dirname "$0")/hosts.sh"

lxc() { LXD_DIR=$folder/m1 command lxc "$@" </dev/null; }

# Not `ip netns exec`: it would hide the cgroups with a /sys of its own.
daemon() {
  local tag=$1 i=$2
  mkdir -p "$folder/m$i"
  LXD_DIR=$folder/m$i setsid nsenter --net="/run/netns/$tag-n$i" lxd >"$folder/m$i.log" 2>&1 </dev/null &
  echo $! >"$folder/m$i.pid"
}

answers() {
  local i=$1 n
  for ((n = 0; n < 300; n++)); do
    LXD_DIR=$folder/m$i command lxc query /1.0 >/dev/null 2>&1 && return
    sleep 0.1
  done
  cat "$folder/m$i.log" >&2
  return 1
}

cluster() {
  local subnet=$1 i token
  LXD_DIR=$folder/m1 lxd init --preseed <<PRESEED
config: { core.https_address: "$subnet.1:8443" }
storage_pools:
  - { name: local, driver: dir }
profiles:
  - name: default
    devices: { root: { path: /, pool: local, type: disk } }
cluster: { server_name: m1, enabled: true }
PRESEED
  for i in 2 3; do
    token=$(lxc cluster add "m$i" | tail -n 1)
    LXD_DIR=$folder/m$i lxd init --preseed <<PRESEED
cluster: { enabled: true, server_address: "$subnet.$i:8443", cluster_token: "$token", member_config: [] }
PRESEED
  done
}

# An init that ends when it is told to, and one that does not.
image() {
  local root=$folder/image/rootfs name
  mkdir -p "$root"/{bin,sbin,dev,proc,sys,etc,tmp,run}
  cp "$(command -v busybox)" "$root/bin/busybox"
  for name in bin/sh bin/sleep; do ln -s /bin/busybox "$root/$name"; done
  printf '#!/bin/sh\ntrap "exit 0" PWR TERM\nwhile :; do sleep 1 & wait; done\n' >"$root/sbin/init"
  printf '#!/bin/sh\nwhile :; do sleep 1; done\n' >"$root/sbin/stubborn"
  chmod 755 "$root"/sbin/*
  printf 'architecture: %s\ncreation_date: 1\n' "$(uname -m)" >"$folder/image/metadata.yaml"
  tar -C "$folder/image" -czf "$folder/bare.tar.gz" metadata.yaml rootfs
  lxc image import "$folder/bare.tar.gz" --alias bare >/dev/null
}

client() {
  (umask 077 && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=muster \
    -keyout "$folder/client.key" -out "$folder/client.crt" 2>/dev/null)
  lxc config trust add "$folder/client.crt" --name muster >/dev/null
  cp "$folder/m1/cluster.crt" "$folder/server.crt"
}

# Every process that was started for a member, its containers' included: they carry its folder in their arguments, and
# their children do not.
of_member() {
  local at=$1 pid
  for pid in $(grep -lsF "$at" /proc/[0-9]*/cmdline | cut -d/ -f3); do
    ps -o pid= --ppid "$pid" || true
    echo "$pid"
  done
  cat "$at.pid" 2>/dev/null || true
}

kill_member() {
  local pid
  # The daemon first, or it would start again what is killed.
  kill -9 "$(cat "$folder/$1.pid")" 2>/dev/null || true
  for pid in $(of_member "$folder/$1"); do
    [[ $pid == $$ ]] || kill -9 "$pid" 2>/dev/null || true
  done
}

down() {
  local tag=$1 i mount
  for i in 1 2 3; do
    kill_member "m$i"
  done
  hosts_down "$tag" 3
  for mount in $(cut -d' ' -f2 /proc/self/mounts | grep -F "$folder/" | sort -r); do
    umount -l "$mount" || true
  done
  rm -rf "$folder"/m[123]
}

case $verb in
  up)
    hosts_up "$3" "$4" 3
    for i in 1 2 3; do daemon "$3" "$i"; done
    for i in 1 2 3; do answers "$i"; done
    cluster "$4"
    image
    client
    ;;
  kill) kill_member "$3" ;;
  down) down "$3" ;;
esac
