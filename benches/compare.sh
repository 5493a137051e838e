#!/usr/bin/env bash
# Times rstcap beside its peers on generated captures that fit into the page cache.
#
#   benches/compare.sh [DIRECTORY [SIZE]]
#
# DIRECTORY holds the captures between runs (default: a temporary one, removed at the end);
# SIZE is the size of each capture (default 1G). Needs tcpdump, capinfos, editcap, tshark, python3, GNU time.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
size=${2:-1G}
if [ $# -ge 1 ]; then
    dir=$1
    mkdir -p "$dir"
else
    dir=$(mktemp -d)
    trap 'rm -rf "$dir"' EXIT
fi

cd "$root"
cargo build --release --quiet --bin rstcap --example generate
generate=target/release/examples/generate
for mix in mixed small; do
    capture=$dir/$mix-$size.pcapng
    [ -s "$capture" ] || "$generate" --bytes "$size" --mix "$mix" -o "$capture"
    [ -s "$dir/$mix-slice.pcapng" ] || editcap -r "$capture" "$dir/$mix-slice.pcapng" 1-200000
    echo
    echo "== $mix: $(basename "$capture")"
    python3 benches/measure.py target/release/rstcap "$generate" "$capture" "$dir/$mix-slice.pcapng"
done
