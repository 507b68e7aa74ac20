#!/bin/sh
# Install the shared libraries that Qt and OpenGL need, where they are missing (Debian, Ubuntu).
# With --check, only say which packages are missing (exit code 1 where there are any).
set -u
[ "$(uname -s)" = Linux ] || exit 0

cache=$(PATH="$PATH:/sbin:/usr/sbin" ldconfig -p 2>/dev/null)
missing=

# need FILE PACKAGE: a shared library
need() {
    case $cache in
        *"$1 "*) ;;
        *) missing="$missing $2" ;;
    esac
}
need libEGL.so.1 libegl1
need libGL.so.1 libgl1
need libGLX_mesa.so.0 libglx-mesa0
need libfontconfig.so.1 libfontconfig1
need libdbus-1.so.3 libdbus-1-3
need libxkbcommon-x11.so.0 libxkbcommon-x11-0
need libxcb-cursor.so.0 libxcb-cursor0
need libxcb-icccm.so.4 libxcb-icccm4
need libxcb-image.so.0 libxcb-image0
need libxcb-keysyms.so.1 libxcb-keysyms1
need libxcb-randr.so.0 libxcb-randr0
need libxcb-render-util.so.0 libxcb-render-util0
need libxcb-shape.so.0 libxcb-shape0
need libxcb-xinerama.so.0 libxcb-xinerama0
need libxcb-xkb.so.1 libxcb-xkb1
# OpenGL without a graphics card
[ -n "$(find /usr/lib*/dri /usr/lib/*/dri -name '*_dri.so' 2>/dev/null | head -n 1)" ] ||
    missing="$missing libgl1-mesa-dri"
# a display where there is none
command -v Xvfb >/dev/null || missing="$missing xvfb"

[ -n "$missing" ] || exit 0

how="apt-get install$missing"
if [ "${1:-}" = --check ]; then
    echo "Missing system packages:$missing (install them with: $how)."
    exit 1
fi

if [ "$(id -u)" = 0 ]; then
    as_root=
elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
    as_root="sudo -n"
else
    echo "Missing system packages:$missing. Install them as root, then try again: $how"
    exit 0
fi
if ! command -v apt-get >/dev/null; then
    echo "Missing system packages (Debian's names):$missing. Install them with this system's package manager."
    exit 0
fi

echo "Installing system packages:$missing"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! { $as_root apt-get update -q &&
       $as_root env DEBIAN_FRONTEND=noninteractive \
           apt-get install -q -y --no-install-recommends $missing; } >"$log" 2>&1; then
    tail -n 20 "$log" >&2
    echo "Installing them failed: install them by hand ($how)." >&2
    exit 1
fi
