#!/usr/bin/env bash
# A real Kubernetes control plane on this machine, for the heavy tests: etcd, kube-apiserver, controller-manager, scheduler and
# hollow nodes (kubemark). Arguments: the folder of the binaries, a folder to work in, four free ports (etcd, its peers, the
# API, first kubelet), and the nodes' names, each with `=RACK` behind it. Says `ready` once every node is, and ends with its stdin.
#
# The binaries are built from Debian's source package `kubernetes` (1.20.2) with golang-go 1.19:
#   apt-get install golang-go golang-github-modern-go-reflect2-dev etcd-server rsync dpkg-dev && apt-get source kubernetes
#   cd kubernetes-*/ && rm -r vendor/github.com/modern-go/reflect2
#   cp -r /usr/share/gocode/src/github.com/modern-go/reflect2 vendor/github.com/modern-go/   # the older one dies with Go 1.18
#   GO111MODULE=off make WHAT="cmd/kube-apiserver cmd/kube-controller-manager cmd/kube-scheduler cmd/kubemark"
set -euo pipefail
bin=$1 dir=$2 etcd_port=$3 peer_port=$4 api_port=$5 kubelet_port=$6
shift 6
cd "$dir"
trap 'kill $(jobs -p) 2>/dev/null; wait' EXIT
api=https://127.0.0.1:$api_port

etcd --name e --data-dir etcd --unsafe-no-fsync --listen-client-urls "http://127.0.0.1:$etcd_port" \
  --advertise-client-urls "http://127.0.0.1:$etcd_port" --listen-peer-urls "http://127.0.0.1:$peer_port" \
  --initial-advertise-peer-urls "http://127.0.0.1:$peer_port" --initial-cluster "e=http://127.0.0.1:$peer_port" >etcd.log 2>&1 &

openssl genrsa -out accounts.key 2048 2>/dev/null
openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -days 2 -subj /CN=test-ca 2>/dev/null
openssl req -newkey rsa:2048 -nodes -keyout api.key -out api.csr -subj /CN=api 2>/dev/null
printf 'subjectAltName=IP:127.0.0.1,DNS:localhost\nbasicConstraints=CA:FALSE\n' >api.ext
openssl x509 -req -in api.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile api.ext -out api.pem 2>/dev/null
openssl req -newkey rsa:2048 -nodes -keyout muster.key -out muster.csr -subj /CN=muster 2>/dev/null
printf 'extendedKeyUsage=clientAuth\n' >muster.ext
openssl x509 -req -in muster.csr -CA ca.pem -CAkey ca.key -days 2 -extfile muster.ext -out muster.pem 2>/dev/null
(umask 077 && echo admin-token >admin.token && echo muster-token >muster.token)
printf 'admin-token,admin,1,"system:masters"\nmuster-token,muster,2\n' >tokens.csv
cat >config <<YAML
{ "apiVersion": "v1", "kind": "Config", "current-context": "c",
  "clusters": [{ "name": "c", "cluster": { "server": "$api", "certificate-authority": "$dir/ca.pem" } }],
  "users": [{ "name": "u", "user": { "token": "admin-token" } }],
  "contexts": [{ "name": "c", "context": { "cluster": "c", "user": "u" } }] }
YAML

"$bin/kube-apiserver" --etcd-servers "http://127.0.0.1:$etcd_port" --bind-address 127.0.0.1 --secure-port "$api_port" \
  --insecure-port 0 --tls-cert-file api.pem --tls-private-key-file api.key --token-auth-file tokens.csv --client-ca-file ca.pem --authorization-mode RBAC \
  --service-account-issuer "$api" --service-account-key-file accounts.key --service-account-signing-key-file accounts.key \
  --service-cluster-ip-range 10.250.0.0/24 --disable-admission-plugins ServiceAccount --allow-privileged >api.log 2>&1 &
ask() { curl -sf --cacert ca.pem -H 'Authorization: Bearer admin-token' "$@"; }
until ask "$api/readyz" >/dev/null; do sleep 0.2; done

"$bin/kube-controller-manager" --kubeconfig config --port 0 --secure-port 0 --node-monitor-grace-period 20s \
  --leader-elect=false >controllers.log 2>&1 &
"$bin/kube-scheduler" --kubeconfig config --port 0 --secure-port 0 --leader-elect=false >scheduler.log 2>&1 &
for node in "$@"; do
  name=${node%=*} rack=${node#*=}
  "$bin/kubemark" --morph kubelet --name "$name" --kubeconfig config --kubelet-port "$kubelet_port" \
    --kubelet-read-only-port 0 --node-labels "topology.kubernetes.io/rack=$rack" >"kubelet.$name.log" 2>&1 &
  ((++kubelet_port))
done
ready() { ask "$api/api/v1/nodes" | tr -d ' \n' | grep -o '"type":"Ready","status":"True"\|"status":"True",[^}]*"reason":"KubeletReady"' | wc -l; }
until (($(ready) >= $#)); do sleep 0.3; done
echo ready
cat >/dev/null
