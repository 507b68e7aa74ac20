#!/bin/bash
# Build the wheel, install it without extras beside napari, as napari's plugin manager does, and use
# all that it contributes in a real viewer.
# usage: check_wheel.sh PYTHON [pyside6]
# With pyside6 the GUI tests run on the installed wheel as well: 'make test' runs them on PyQt6.
set -euo pipefail
python=$1
qt=${2:-pyqt6}
root=$PWD
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

rm -rf dist
"$python" -m build --outdir dist . >"$work/build.log" 2>&1 || { cat "$work/build.log" >&2; exit 1; }
wheel=$(echo "$root"/dist/*.whl)

case $qt in
    pyqt6) napari=("napari[pyqt6]") ;;
    pyside6) napari=("napari[pyside6]" "PySide6!=6.12.0") ;;
    *) echo "QT must be pyqt6 or pyside6, not $qt." >&2; exit 2 ;;
esac
"$python" -m venv --without-pip "$work/venv"
clean=$work/venv/bin
pip=("$python" -m pip --python "$clean/python") # the one that comes with Python takes twice as long
"${pip[@]}" install --quiet --no-compile "${napari[@]}"
"${pip[@]}" install --quiet --no-compile "$wheel"
"${pip[@]}" check

# Away from the checkout: only what was installed can be imported.
cd "$work"
export NAPARI_CONFIG=$work/settings.yaml LIBGL_ALWAYS_SOFTWARE=1
"$clean/python" "$root/scripts/check_plugin.py" "$qt"
"$clean/zstack-align" --version
if [ "$qt" = pyside6 ]; then
    (cd "$root" && "${pip[@]}" install --quiet --no-compile --group test)
    "$clean/python" -m pytest "$root/tests/gui" --rootdir "$root" -c "$root/pyproject.toml" -p no:cacheprovider
fi
