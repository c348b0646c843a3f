# Sourced. Hosts on one machine: network namespaces TAG-n1 … TAG-nCOUNT at SUBNET.1 …, on a bridge TAG at SUBNET.254.
# shellcheck shell=bash

hosts_up() {
  local tag=$1 subnet=$2 count=$3 i
  ip link add "$tag" type bridge
  ip address add "$subnet.254/24" dev "$tag"
  ip link set "$tag" up
  for ((i = 1; i <= count; i++)); do
    ip netns add "$tag-n$i"
    ip link add "$tag-v$i" type veth peer name eth0 netns "$tag-n$i"
    ip link set "$tag-v$i" master "$tag" up
    ip -n "$tag-n$i" address add "$subnet.$i/24" dev eth0
    ip -n "$tag-n$i" link set eth0 up
    ip -n "$tag-n$i" link set lo up
  done
}

# Whatever is left of them.
hosts_down() {
  local tag=$1 count=$2 i
  for ((i = 1; i <= count; i++)); do
    ip link delete "$tag-v$i" 2>/dev/null || true
    ip netns delete "$tag-n$i" 2>/dev/null || true
  done
  ip link delete "$tag" 2>/dev/null || true
}
