#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Puts Debian's llama-server, with the libraries it needs, into PREFIX: about 12 MB to fetch, 85 MB on disk.
# Debian 12 does not have it, so the packages come from a newer suite, with an apt state of their own and without
# installing anything: the machine stays as it is. A second call finds the first one's work and does nothing.
# Usage: get_llama_server.sh PREFIX
set -eu

prefix=${1:?usage: get_llama_server.sh PREFIX}
suite=${LLAMA_SUITE:-sid}
mkdir -p "$prefix"
prefix=$(cd "$prefix" && pwd)
[ -x "$prefix/llama-server" ] && exit 0

if [ "$(dpkg --print-architecture 2>/dev/null)" != amd64 ]; then
  echo "get_llama_server.sh: needs Debian or a relative of it on amd64" >&2
  exit 3
fi
mirror=${LLAMA_MIRROR:-$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | grep -m 1 '/debian/*$' || true)}
mirror=${mirror:-http://deb.debian.org/debian}

state=$prefix/apt
mkdir -p "$state/lists/partial" "$state/cache/archives/partial" "$prefix/packages" "$prefix/root"
: > "$state/status"
echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $suite main" > "$state/sources.list"
own_apt() {
  apt-get -qq -o Dir::Etc::SourceList="$state/sources.list" -o Dir::Etc::SourceParts=/dev/null \
    -o Dir::State="$state" -o Dir::State::Lists="$state/lists" -o Dir::State::Status="$state/status" \
    -o Dir::Cache="$state/cache" -o Acquire::Languages=none -o Acquire::Retries=3 \
    -o APT::Sandbox::User="$(id -un)" -o Debug::NoLocking=1 "$@"
}

# apt-get update reports a missing network as a warning only; the download below then finds no package.
own_apt update >&2 || true
if ! (cd "$prefix/packages" && own_apt download libc6 libgcc-s1 libgomp1 libstdc++6 libssl3t64 libzstd1 zlib1g \
      libggml0 libllama0 llama.cpp-tools >&2); then
  echo "get_llama_server.sh: cannot fetch llama.cpp-tools ($suite) from $mirror: is the network missing?" >&2
  exit 4
fi
for package in "$prefix"/packages/*.deb; do
  dpkg-deb -x "$package" "$prefix/root"
done

# The program runs on the C library it came with. The plain CPU backend: the same answers on every processor.
cat > "$prefix/llama-server.new" <<WRAPPER
#!/bin/sh
libraries="$prefix/root/usr/lib/x86_64-linux-gnu"
GGML_BACKEND_PATH="\$libraries/ggml/backends0/libggml-cpu-x64.so"
export GGML_BACKEND_PATH
exec "\$libraries/ld-linux-x86-64.so.2" --library-path "\$libraries:\$libraries/ggml:\$libraries/llama" \\
  --argv0 llama-server "$prefix/root/usr/bin/llama-server" "\$@"
WRAPPER
chmod +x "$prefix/llama-server.new"
if ! "$prefix/llama-server.new" --version > /dev/null 2>&1; then
  echo "get_llama_server.sh: the fetched llama-server does not start here" >&2
  exit 5
fi
mv "$prefix/llama-server.new" "$prefix/llama-server"
