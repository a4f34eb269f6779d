# Sourced by demo and test: installs what is missing from Debian's packages, and builds build/release.
# It works with no network once the packages are there.

writ_say() { printf '\n== %s\n' "$*"; }

writ_packages=(
  g++ cmake ninja-build pkg-config git ccache mold
  antlr4 libantlr4-runtime-dev default-jre-headless
  llvm-19-dev libz3-dev
  libabsl-dev libgtest-dev libgmock-dev libbenchmark-dev
  libsqlite3-dev libssl-dev libcli11-dev libsimdjson-dev libexpat1-dev zlib1g-dev
  python3
)

writ_install() {
  local missing=() package as_root=()
  for package in "${writ_packages[@]}"; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
  done
  if [ "${#missing[@]}" -eq 0 ]; then
    writ_say "All packages are installed"
    return
  fi
  writ_say "Installing from Debian: ${missing[*]}"
  if [ "$(id -u)" -ne 0 ]; then as_root=(sudo); fi
  "${as_root[@]}" apt-get update -qq
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}"
}

# Building a file that includes LLVM takes about a gigabyte: with little memory, fewer at once.
writ_jobs() {
  local processors memory_gb
  processors=$(nproc)
  memory_gb=$(awk '/^MemAvailable/ { print int($2 / 1048576) }' /proc/meminfo)
  if [ "$memory_gb" -lt 1 ]; then memory_gb=1; fi
  if [ "$processors" -lt "$memory_gb" ]; then echo "$processors"; else echo "$memory_gb"; fi
}

# writ_build [targets…]: all of it without any.
writ_build() {
  writ_say "Building build/release"
  cmake --preset release >build-configure.log 2>&1 || { cat build-configure.log; rm -f build-configure.log; return 1; }
  rm -f build-configure.log
  cmake --build --preset release -j "$(writ_jobs)" ${1:+--target "$@"}
}
