"""The same pictures by both backends, f32."""

from harness import BACKEND, quickstart_folder, run, say, settings


def pictures():
    import numpy
    from PIL import Image
    folder = quickstart_folder("pictures")
    for backend in ("onednn", BACKEND):
        _, seconds, _ = run(f"pictures-{backend}", "run", "configs/quickstart/draw.yaml",
                            *settings(backend__use=backend, run=backend, sample__steps=4), folder=folder)
        say(f"pictures by {backend}: {seconds:.1f} s")
    near = total = worst = 0
    for one in sorted((folder / "runs/onednn").rglob("0*.png")):
        other = folder / "runs" / BACKEND / one.relative_to(folder / "runs/onednn")
        a, b = (numpy.asarray(Image.open(file).convert("RGB")).astype(int) for file in (one, other))
        far = abs(a - b).max(axis=2)
        near, total, worst = near + int((far <= 1).sum()), total + far.size, max(worst, int(far.max()))
    say(f"pictures: {near} of {total} pixels within 1/255 ({100 * near / max(total, 1):.4f} %), worst {worst}/255")
